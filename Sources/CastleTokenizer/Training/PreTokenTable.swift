/// Counts pre-tokens: a hash table from byte sequences to numbers.
package final class PreTokenTable {
  /// The number of different pre-tokens.
  package private(set) var count = 0

  private let cutter: PreTokenCutter

  /// An empty table of pre-tokens as `tokenizer` makes them.
  package init(_ tokenizer: Tokenizer) {
    cutter = PreTokenCutter(tokenizer.pipeline.preTokenizer)
  }

  /// The bytes of all pre-tokens, one after another.
  private var bytes: [UInt8] = []
  private var entries: [Entry] = []
  private var slots = [Int32](repeating: -1, count: 1 << 16)

  private struct Entry {
    var offset: Int
    var length: Int32
    var hash: UInt32
    var count: Int
  }

  /// Counts `preToken` `times` more.
  package func add(_ preToken: UnsafeBufferPointer<UInt8>, times: Int = 1) {
    let hash = Self.hash(preToken)
    let mask = slots.count - 1
    var slot = Int(hash) & mask
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if entries[index].hash == hash, isEqual(entries[index], preToken) {
        entries[index].count += times
        return
      }
      slot = (slot + 1) & mask
    }
    slots[slot] = Int32(count)
    entries.append(Entry(offset: bytes.count, length: Int32(preToken.count), hash: hash, count: times))
    bytes.append(contentsOf: preToken)
    count += 1
    if 2 * count > slots.count { grow() }
  }

  /// Counts the pre-tokens of `text`, cut as ``Tokenizer`` cuts it.
  package func add(preTokensOf text: UnsafeBufferPointer<UInt8>) {
    guard let base = text.baseAddress else { return }
    var visitor = Visitor(table: self)
    cutter.cut(base, 0..<text.count, isStart: true, into: &visitor)
  }

  private struct Visitor: PreTokenVisitor {
    let table: PreTokenTable

    @inline(__always)
    mutating func visit(_ text: UnsafePointer<UInt8>, count: Int, readable: Int) {
      table.add(UnsafeBufferPointer(start: text, count: count))
    }
  }

  /// Calls `body` with every pre-token and its number.
  package func forEach(_ body: (UnsafeBufferPointer<UInt8>, Int) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      for entry in entries {
        body(
          UnsafeBufferPointer(rebasing: bytes[entry.offset..<entry.offset + Int(entry.length)]), entry.count)
      }
    }
  }

  private func isEqual(_ known: Entry, _ preToken: UnsafeBufferPointer<UInt8>) -> Bool {
    guard Int(known.length) == preToken.count else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      for index in 0..<preToken.count where bytes[known.offset + index] != preToken[index] { return false }
      return true
    }
  }

  private func grow() {
    slots = Array(repeating: -1, count: 2 * slots.count)
    let mask = slots.count - 1
    for (index, entry) in entries.enumerated() {
      var slot = Int(entry.hash) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(index)
    }
  }

  @inline(__always)
  private static func hash(_ preToken: UnsafeBufferPointer<UInt8>) -> UInt32 {
    let hash = ByteHash.of(preToken)
    return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
  }
}
