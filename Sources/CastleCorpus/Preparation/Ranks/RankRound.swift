/// Items of a corpus that ranks work on at the same time, each on its share.
struct RankRound {
  /// The items, in order.
  let items: [CorpusItem]
  /// The rank that does each item.
  let owners: [Int]

  /// What is sent for all items of a round, and comes back, in bytes: MPI counts to 2³¹.
  private static let mostSent = 1 << 30

  /// Divides `items` in proportion to the threads of the ranks. What would be too much to send, as where a
  /// text has no place to be cut, stays with the main rank.
  init(_ items: [CorpusItem], threadCounts: [Int]) {
    self.items = items
    var ends: [Int] = []
    var threads = 0
    let allThreads = threadCounts.reduce(0, +)
    for count in threadCounts {
      threads += count
      ends.append(items.count * threads / allThreads)
    }
    var rank = 0
    var sent = 0
    owners = items.indices.map { index in
      while index >= ends[rank] { rank += 1 }
      guard rank > 0 else { return 0 }
      let bytes = PieceMessage.mostBytes(items[index].group)
      guard sent + bytes <= Self.mostSent else { return 0 }
      sent += bytes
      return rank
    }
  }

  /// Whether there is nothing to do.
  var isEmpty: Bool { items.isEmpty }

  /// The items that `rank` does, in order.
  func items(of rank: Int) -> [CorpusItem] { zip(items, owners).filter { $0.1 == rank }.map(\.0) }
}
