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
