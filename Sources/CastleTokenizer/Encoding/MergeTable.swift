/// The merges of a byte-pair encoding: for a pair of adjacent tokens, its rank and the token that replaces
/// it.
///
/// A flat hash table with open addressing; pairs are found with one multiplication and, mostly, one look.
final class MergeTable: @unchecked Sendable {
  /// What a pair becomes.
  struct Entry {
    /// Left id in the upper, right id in the lower half; all ones when the slot is empty.
    var pair: UInt64
    /// The place of the merge in the order of learning; the lowest goes first.
    var rank: UInt32
    /// The id of the merged token.
    var merged: Int32
  }

  /// No pair has this rank.
  static let noRank = UInt32.max

  private let slots: UnsafeMutablePointer<Entry>
  private let mask: Int
  private let shift: UInt64

  /// The merges in order of rank. When a pair occurs twice, the later place counts.
  init(_ merges: [Merge]) {
    var bits: UInt64 = 4
    while 1 << bits < merges.count * 2 { bits += 1 }
    mask = 1 << bits - 1
    shift = 64 - bits
    slots = .allocate(capacity: mask + 1)
    slots.initialize(
      repeating: Entry(pair: .max, rank: Self.noRank, merged: -1), count: mask + 1)
    for (rank, merge) in merges.enumerated() {
      let pair = Self.key(merge.left, merge.right)
      var slot = self.slot(pair)
      while slots[slot].pair != pair && slots[slot].pair != .max {
        slot = (slot + 1) & mask
      }
      slots[slot] = Entry(pair: pair, rank: UInt32(rank), merged: merge.merged)
    }
  }

  deinit { slots.deallocate() }

  /// The entry of a pair; its rank is ``noRank`` when the pair has no merge.
  @inline(__always)
  func find(_ left: Int32, _ right: Int32) -> Entry {
    let pair = Self.key(left, right)
    var slot = self.slot(pair)
    while true {
      let entry = slots[slot]
      if entry.pair == pair || entry.pair == .max { return entry }
      slot = (slot + 1) & mask
    }
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func slot(_ pair: UInt64) -> Int {
    Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }
}
