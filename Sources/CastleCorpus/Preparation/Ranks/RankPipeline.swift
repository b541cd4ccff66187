import CastleTensors

/// What ``CorpusPipeline`` does, with other ranks: the main rank reads a corpus, all work on its items, and
/// the main rank hands the results on in order.
struct RankPipeline {
  /// The threads of the main rank.
  let pool: ThreadPool
  /// The other ranks.
  let helpers: HelperRanks
  /// Whether the hashes of documents are wanted.
  let wantsHashes: Bool

  /// The bytes of a round for each thread, and for all of them.
  private static let threadBytes = 16 * CorpusReader.itemBytes
  private static let mostBytes = 1 << 27

  /// Runs to the end of the corpus. `work` is what the main rank does with its own items, and with those in
  /// which a helper has met an error.
  ///
  /// - Throws: The error of the earliest item that has one, that of `progress`, or ``RankFailure``.
  func run(
    _ reader: CorpusReader, work: (CorpusItem, _ thread: Int) throws -> EncodedItem,
    deliver: (CorpusItem, EncodedItem) throws -> Void, progress: (Int) throws -> Void
  ) throws {
    var reader = reader
    let size = min(Self.threadBytes * helpers.threadCounts.reduce(0, +), Self.mostBytes)
    var round = try nextRound(&reader, byteCount: size)
    _ = try helpers.exchange(round, wantsHashes: wantsHashes)
    var done: [(item: CorpusItem, result: EncodedItem)] = []
    while !round.isEmpty || !done.isEmpty {
      let own = round.items(of: 0)
      let (results, following) = try CorpusPipeline(pool: pool).round(
        own.count, work: { try work(own[$0], $1) }, done: done, deliver: deliver,
        read: { try nextRound(&reader, byteCount: size) })
      let next = try following.get()
      var ownResults = results[...]
      var answers: ArraySlice<EncodedItem?> = []
      if !round.isEmpty { answers = try helpers.exchange(next, wantsHashes: wantsHashes)[...] }
      done = try zip(round.items, round.owners).map { item, owner in
        (item, try owner == 0 ? ownResults.removeFirst().get() : answers.removeFirst() ?? work(item, 0))
      }
      round = next
      if let last = done.last { try progress(last.item.bytesRead) }
    }
  }

  private func nextRound(_ reader: inout CorpusReader, byteCount: Int) throws -> RankRound {
    RankRound(try reader.nextItems(byteCount: byteCount), threadCounts: helpers.threadCounts)
  }
}
