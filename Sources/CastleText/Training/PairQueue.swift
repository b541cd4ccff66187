/// The pairs of adjacent tokens, the most frequent first; of equally frequent ones the pair with the smaller left
/// id, then that with the smaller right id.
///
/// Entries may be out of date: whoever takes one must compare its number with the true one.
struct PairQueue {
  /// A pair and how often it occurred when the entry was made.
  struct Entry {
    var count: Int
    /// Left id in the upper, right id in the lower half.
    var pair: UInt64

    @inline(__always)
    func goesBefore(_ other: Entry) -> Bool {
      count != other.count ? count > other.count : pair < other.pair
    }
  }

  private var entries: [Entry] = []

  mutating func push(_ entry: Entry) {
    entries.append(entry)
    var index = entries.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard entries[index].goesBefore(entries[parent]) else { break }
      entries.swapAt(index, parent)
      index = parent
    }
  }

  mutating func pop() -> Entry? {
    guard let last = entries.popLast() else { return nil }
    guard let top = entries.first else { return last }
    entries[0] = last
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1].goesBefore(entries[child]) { child += 1 }
      guard entries[child].goesBefore(entries[index]) else { break }
      entries.swapAt(index, child)
      index = child
    }
    return top
  }
}
