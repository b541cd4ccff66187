/// As ``WordMerger``, in O(n log n) for words of any length: a linked list of tokens and a heap of candidates.
struct LongWordMerger {
  private let merges: MergeTable
  private var next: [Int32] = []
  private var previous: [Int32] = []
  /// Rank in the upper, position in the lower half: the smallest is the merge to make.
  private var candidates = MinimumHeap()

  init(merges: MergeTable) {
    self.merges = merges
  }

  /// Merges `tokens` in place.
  mutating func merge(_ tokens: inout [Int32]) {
    let count = tokens.count
    next = (0..<count).map { $0 + 1 < count ? Int32($0 + 1) : -1 }
    previous = (0..<count).map { Int32($0 - 1) }
    candidates.removeAll()
    for index in 0..<count - 1 {
      push(tokens, at: index)
    }
    while let candidate = candidates.popMinimum() {
      let position = Int(candidate & 0xFFFF_FFFF)
      guard tokens[position] >= 0, next[position] >= 0 else { continue }
      let right = Int(next[position])
      let entry = merges.find(tokens[position], tokens[right])
      guard UInt64(entry.rank) == candidate >> 32 else { continue }
      tokens[position] = entry.merged
      tokens[right] = -1
      next[position] = next[right]
      if next[right] >= 0 { previous[Int(next[right])] = Int32(position) }
      push(tokens, at: position)
      if previous[position] >= 0 { push(tokens, at: Int(previous[position])) }
    }
    tokens.removeAll { $0 < 0 }
  }

  private mutating func push(_ tokens: [Int32], at position: Int) {
    guard next[position] >= 0 else { return }
    let rank = merges.find(tokens[position], tokens[Int(next[position])]).rank
    guard rank != MergeTable.noRank else { return }
    candidates.push(UInt64(rank) << 32 | UInt64(position))
  }
}

/// A binary heap of integers, the smallest first.
struct MinimumHeap {
  private var items: [UInt64] = []

  mutating func removeAll() {
    items.removeAll(keepingCapacity: true)
  }

  mutating func push(_ item: UInt64) {
    items.append(item)
    var index = items.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard items[index] < items[parent] else { break }
      items.swapAt(index, parent)
      index = parent
    }
  }

  mutating func popMinimum() -> UInt64? {
    guard let last = items.popLast() else { return nil }
    guard let top = items.first else { return last }
    items[0] = last
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < items.count else { break }
      if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
      guard items[child] < items[index] else { break }
      items.swapAt(index, child)
      index = child
    }
    return top
  }
}
