/// A token and its score.
struct Candidate {
  var score: Float
  var token: Int32

  /// Whether this one is preferred: the higher score, among equal ones the lower id.
  func isBetter(than other: Candidate) -> Bool {
    score != other.score ? score > other.score : token < other.token
  }
}

/// The candidates of one choice, in memory that is used again.
///
/// The order is total, so what is kept does not depend on how it is found.
struct CandidateList {
  private(set) var items: [Candidate] = []

  /// Replaces the list with the `count` best tokens, the best first, without sorting the others.
  mutating func keepBest(_ count: Int, of scores: [Float]) {
    items.removeAll(keepingCapacity: true)
    for token in 0..<min(count, scores.count) {
      items.append(Candidate(score: scores[token], token: Int32(token)))
    }
    for index in stride(from: items.count / 2 - 1, through: 0, by: -1) {
      siftDown(index, count: items.count) { $1.isBetter(than: $0) }
    }
    for token in items.count..<max(scores.count, items.count) where scores[token] > items[0].score {
      items[0] = Candidate(score: scores[token], token: Int32(token))
      siftDown(0, count: items.count) { $1.isBetter(than: $0) }
    }
    items.sort { $0.isBetter(than: $1) }
  }

  /// Replaces the list with the best tokens, the best first, until `isEnough` says so of the last one.
  mutating func keepBest(
    of scores: [Float], atLeast floor: Float, until isEnough: (Candidate) -> Bool
  ) {
    items.removeAll(keepingCapacity: true)
    for token in 0..<scores.count where scores[token] >= floor {
      items.append(Candidate(score: scores[token], token: Int32(token)))
    }
    for index in stride(from: items.count / 2 - 1, through: 0, by: -1) {
      siftDown(index, count: items.count) { $0.isBetter(than: $1) }
    }
    var rest = items.count
    while rest > 0 {
      rest -= 1
      items.swapAt(0, rest)
      siftDown(0, count: rest) { $0.isBetter(than: $1) }
      if isEnough(items[rest]) { break }
    }
    items.removeFirst(rest)
    items.reverse()
  }

  /// Drops what comes after the first `count`.
  mutating func cut(to count: Int) {
    items.removeLast(items.count - count)
  }

  /// Restores the heap of the first `count` items below `index`: `precedes` belongs nearer to the top.
  private mutating func siftDown(
    _ index: Int, count: Int, _ precedes: (Candidate, Candidate) -> Bool
  ) {
    guard index < count else { return }
    let item = items[index]
    var hole = index
    while true {
      var child = 2 * hole + 1
      guard child < count else { break }
      if child + 1 < count, precedes(items[child + 1], items[child]) { child += 1 }
      guard precedes(items[child], item) else { break }
      items[hole] = items[child]
      hole = child
    }
    items[hole] = item
  }
}
