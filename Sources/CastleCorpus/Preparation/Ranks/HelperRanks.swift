import CastleCluster
import CastleFormats
import CastleTensors

/// The ranks that make tokens of what the main rank reads, seen from the main rank or from one of them.
///
/// In every exchange the main rank sends each helper its pieces of the next round, and gets what the helpers
/// have made of those of the round before. A round without pieces ends the work.
final class HelperRanks {
  /// The threads of each rank.
  let threadCounts: [Int]

  private let communicator: any Communicator
  /// Whether the helpers know that there is nothing more to do.
  private var areDismissed = false

  /// What a helper answers.
  private enum AnswerKind: Int {
    case items, stopped
  }

  /// Asks all ranks for their threads; each must make one.
  init(_ communicator: any Communicator, pool: ThreadPool) throws {
    self.communicator = communicator
    threadCounts = try communicator.gather(pool.threadCount)
  }

  /// Whether the main rank is the only one.
  var areNone: Bool { communicator.world.size == 1 }

  // MARK: The main rank

  /// Sends `round` to the helpers, and returns what they have made of the round before: the tokens of each
  /// item that is a helper's, in order; nil for an item that has an error, which whoever does it again
  /// finds.
  ///
  /// - Throws: ``RankFailure`` if a helper has been asked to end.
  func exchange(_ round: RankRound, wantsHashes: Bool) throws -> [EncodedItem?] {
    let messages = (0..<communicator.world.size).map { rank in
      rank == 0
        ? [] : PieceMessage.bytes(round.items(of: rank), wantsHashes: wantsHashes, isLast: round.isEmpty)
    }
    areDismissed = round.isEmpty
    var items: [EncodedItem?] = []
    for (rank, answer) in try communicator.exchange(messages).enumerated() where !answer.isEmpty {
      var reader = MessageReader(answer)
      guard AnswerKind(rawValue: reader.number()) == .items else {
        throw RankFailure(rank: rank, host: communicator.hosts[rank], message: reader.text())
      }
      items += EncodedItemMessage.items(&reader)
    }
    return items
  }

  /// Ends the work of the helpers, if it has not ended: something has gone wrong.
  func dismiss() {
    guard !areNone, !areDismissed else { return }
    // Whatever they answer, or if one is gone: there is an error to tell already.
    _ = try? exchange(RankRound([], threadCounts: threadCounts), wantsHashes: false)
  }

  // MARK: A helper

  /// Works until the main rank says that there is nothing more to do.
  ///
  /// - Throws: ``InputError`` if someone has asked to end.
  func assist(_ encoder: PieceEncoder, pool: ThreadPool, isInterrupted: () -> Bool) throws {
    var answer: [UInt8] = []
    var stop: InputError?
    while let work = PieceMessage(try exchange(answer)) {
      if stop == nil, isInterrupted() { stop = InputError("interrupted; nothing was written") }
      var writer = MessageWriter()
      writer.add((stop == nil ? AnswerKind.items : .stopped).rawValue)
      if let stop {
        writer.add(stop.description)
      } else {
        EncodedItemMessage.write(Self.encode(work, encoder, pool: pool), to: &writer)
      }
      answer = writer.bytes
    }
    if let stop { throw stop }
  }

  private func exchange(_ answer: [UInt8]) throws -> [UInt8] {
    try communicator.exchange([answer] + Array(repeating: [], count: communicator.world.size - 1))[0]
  }

  private static func encode(
    _ work: PieceMessage, _ encoder: PieceEncoder, pool: ThreadPool
  ) -> [EncodedItem?] {
    var items = [EncodedItem?](repeating: nil, count: work.groups.count)
    items.withUnsafeMutableBufferPointer { items in
      pool.forEach(work.groups.count) { index, thread in
        items[index] = try? encoder.encode(
          work.groups[index], wantsHashes: work.wantsHashes, thread: thread)
      }
    }
    return items
  }
}
