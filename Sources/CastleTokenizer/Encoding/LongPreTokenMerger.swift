/// As ``PreTokenMerger``, in O(n log n) for pre-tokens of any length: a linked list of tokens and a heap of
/// candidates.
final class LongPreTokenMerger {
  private let merges: MergeTable
  private var next: [Int32] = []
  private var previous: [Int32] = []
  private var candidates = Heap<Candidate>()

  /// A merge that may be made.
  private struct Candidate: HeapElement {
    /// Rank in the upper, position in the lower half: the smallest goes first.
    var key: UInt64

    @inline(__always)
    func goesBefore(_ other: Candidate) -> Bool { key < other.key }
  }

  init(merges: MergeTable) {
    self.merges = merges
  }

  /// Merges `count` tokens in place and returns how many are left.
  func merge(_ tokens: UnsafeMutablePointer<Int32>, count: Int) -> Int {
    next = (0..<count).map { $0 + 1 < count ? Int32($0 + 1) : -1 }
    previous = (0..<count).map { Int32($0 - 1) }
    candidates.removeAll()
    for index in 0..<count - 1 {
      push(tokens, at: index)
    }
    while let candidate = candidates.pop() {
      let position = Int(candidate.key & 0xFFFF_FFFF)
      guard tokens[position] >= 0, next[position] >= 0 else { continue }
      let right = Int(next[position])
      let entry = merges.find(tokens[position], tokens[right])
      guard UInt64(entry.rank) == candidate.key >> 32 else { continue }
      tokens[position] = entry.merged
      tokens[right] = -1
      next[position] = next[right]
      if next[right] >= 0 { previous[Int(next[right])] = Int32(position) }
      push(tokens, at: position)
      if previous[position] >= 0 { push(tokens, at: Int(previous[position])) }
    }
    var kept = 0
    for index in 0..<count where tokens[index] >= 0 {
      tokens[kept] = tokens[index]
      kept += 1
    }
    return kept
  }

  private func push(_ tokens: UnsafeMutablePointer<Int32>, at position: Int) {
    guard next[position] >= 0 else { return }
    let rank = merges.find(tokens[position], tokens[Int(next[position])]).rank
    guard rank != MergeTable.noRank else { return }
    candidates.push(Candidate(key: UInt64(rank) << 32 | UInt64(position)))
  }
}
