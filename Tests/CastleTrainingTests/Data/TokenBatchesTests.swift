import CastleCluster
import CastleAttention
import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
import Testing

struct TokenBatchesTests {
  private let folder: TemporaryFolder
  private let sequences: TokenSequences

  /// Two shards of the tokens 0 ..< 25 and 100 ..< 117, in sequences of 4.
  init() throws {
    folder = try TemporaryFolder()
    for (name, tokens) in [("a", Array(0..<Int32(25))), ("b", Array(100..<Int32(117)))] {
      let writer = try TokenShardWriter(path: folder.path + "/" + name, width: .uint16)
      try writer.append(tokens)
      _ = try writer.finish()
    }
    let path = folder.path
    let shards = try ["a", "b"].map { try TokenShard(path: path + "/" + $0) }
    sequences = try TokenSequences(shards: shards, length: 4)
  }

  private func batches(
    position: Int = 0, seed: UInt64 = 3, separator: Int32? = nil, batchSize: Int = 2, world: World = .single
  ) -> TokenBatches {
    TokenBatches(
      sequences: sequences, batchSize: batchSize, seed: seed, separator: separator, position: position,
      world: world)
  }

  @Test func anEpochHasEverySequenceOfEveryShardOnce() throws {
    #expect(sequences.count == 6 + 4)
    let batches = batches()
    var starts: [Int32] = []
    for _ in 0..<5 {
      let batch = try batches.next()
      for row in 0..<2 {
        let sequence = Array(batch.tokens[row * 4..<row * 4 + 4])
        #expect(sequence == Array(sequence[0]..<sequence[0] + 4))
        #expect(Array(batch.targets[row * 4..<row * 4 + 4]) == sequence.map { $0 + 1 })
        starts.append(sequence[0])
      }
    }
    #expect(starts.sorted() == [0, 4, 8, 12, 16, 20, 100, 104, 108, 112])
    #expect(batches.epoch == 1)
  }

  @Test func aPositionIsAllThatIsNeededToGoOn() throws {
    let straight = batches()
    for _ in 0..<4 { _ = try straight.next() }
    let resumed = batches(position: straight.position)
    for _ in 0..<9 { #expect(try resumed.next() == straight.next()) }
  }

  @Test func aDocumentBeginsAtItsSeparator() throws {
    let batches = batches(separator: 10)
    for _ in 0..<5 {
      let batch = try batches.next()
      #expect(batch.documents.length == 8 && batch.targetCount == 8)
      let starts = batch.documents.ranges.map { batch.tokens[$0.lowerBound] }
      #expect(batch.tokens.contains(10) == starts.contains(10))
    }
  }

  @Test(arguments: [1, 2, 3, 4])
  func ranksTogetherHaveTheBatchesOfOne(ranks: Int) throws {
    let one = batches(separator: 10, batchSize: 4)
    let many = (0..<ranks).map {
      batches(separator: 10, batchSize: 4, world: World(rank: $0, size: ranks))
    }
    for _ in 0..<6 {
      let whole = try one.next()
      let parts = try many.map { try $0.next() }
      #expect(parts.flatMap(\.tokens) == whole.tokens && parts.flatMap(\.targets) == whole.targets)
      #expect(parts.flatMap { $0.documents.ranges.map(\.count) } == whole.documents.ranges.map(\.count))
      #expect(many.allSatisfy { $0.position == one.position && $0.epoch == one.epoch })
    }
  }

  @Test func textThatIsTooShortIsRefused() throws {
    #expect(throws: InputError.self) { try TokenSequences(shards: sequences.shards, length: 25) }
  }
}
