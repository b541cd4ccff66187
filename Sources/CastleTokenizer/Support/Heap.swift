/// What a ``Heap`` can order.
protocol HeapElement {
  /// Whether this element leaves the heap before `other`.
  func goesBefore(_ other: Self) -> Bool
}

/// A binary heap: elements leave in their order, whatever the order they came in.
struct Heap<Element: HeapElement> {
  private var elements: [Element] = []

  mutating func removeAll() {
    elements.removeAll(keepingCapacity: true)
  }

  mutating func push(_ element: Element) {
    elements.append(element)
    var index = elements.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard elements[index].goesBefore(elements[parent]) else { break }
      elements.swapAt(index, parent)
      index = parent
    }
  }

  /// Removes and returns the first element.
  mutating func pop() -> Element? {
    guard let last = elements.popLast() else { return nil }
    guard let top = elements.first else { return last }
    elements[0] = last
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < elements.count else { break }
      if child + 1 < elements.count, elements[child + 1].goesBefore(elements[child]) { child += 1 }
      guard elements[child].goesBefore(elements[index]) else { break }
      elements.swapAt(index, child)
      index = child
    }
    return top
  }
}
