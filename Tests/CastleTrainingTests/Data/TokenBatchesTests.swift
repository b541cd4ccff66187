import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
import Testing

struct TokenBatchesTests {
  private let folder: TemporaryFolder
  private let windows: TokenWindows

  /// Two shards of the tokens 0 ..< 25 and 100 ..< 117, in windows of 4.
  init() throws {
    folder = try TemporaryFolder()
    for (name, tokens) in [("a", Array(0..<Int32(25))), ("b", Array(100..<Int32(117)))] {
      let writer = try TokenShardWriter(path: folder.path + "/" + name, width: .uint16)
      try writer.append(tokens)
      _ = try writer.finish()
    }
    let path = folder.path
    let shards = try ["a", "b"].map { try TokenShard(path: path + "/" + $0) }
    windows = try TokenWindows(shards: shards, length: 4)
  }

  private func batches(position: Int = 0, seed: UInt64 = 3, separator: Int32? = nil) -> TokenBatches {
    TokenBatches(windows: windows, batchSize: 2, seed: seed, separator: separator, position: position)
  }

  @Test func anEpochHasEveryWindowOfEveryShardOnce() throws {
    #expect(windows.count == 6 + 4)
    let batches = batches()
    var starts: [Int32] = []
    for _ in 0..<5 {
      try batches.advance()
      for row in 0..<2 {
        let window = Array(batches.tokens[row * 4..<row * 4 + 4])
        #expect(window == Array(window[0]..<window[0] + 4))
        #expect(Array(batches.targets[row * 4..<row * 4 + 4]) == window.map { $0 + 1 })
        starts.append(window[0])
      }
    }
    #expect(starts.sorted() == [0, 4, 8, 12, 16, 20, 100, 104, 108, 112])
    #expect(batches.epoch == 1)
  }

  @Test func aPositionIsAllThatIsNeededToGoOn() throws {
    let straight = batches()
    for _ in 0..<4 { try straight.advance() }
    let position = straight.position
    for _ in 0..<9 { try straight.advance() }
    let resumed = batches(position: position)
    for _ in 0..<9 { try resumed.advance() }
    #expect(resumed.tokens == straight.tokens)
  }

  @Test func aDocumentBeginsAtItsSeparator() throws {
    let batches = batches(separator: 10)
    for _ in 0..<5 {
      try batches.advance()
      #expect(batches.sequences.map(\.count).reduce(0, +) == 8)
      let starts = batches.sequences.map { batches.tokens[$0.lowerBound] }
      #expect(batches.tokens.contains(10) == starts.contains(10))
    }
  }

  @Test func textThatIsTooShortIsRefused() throws {
    #expect(throws: InputError.self) { try TokenWindows(shards: windows.shards, length: 25) }
  }
}
