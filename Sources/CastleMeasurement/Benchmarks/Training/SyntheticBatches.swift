import CastleCorpus
import CastleModel
import CastleTensors
package import CastleTraining
import Foundation

/// Batches of random tokens, read from a shard in a temporary folder as training reads its text.
package final class SyntheticBatches {
  package let batches: TokenBatches

  private let folder: String

  /// Tokens for a few batches of `settings`.
  ///
  /// Throws an `InputError` if the temporary folder cannot be written.
  package init(vocabularySize: Int, settings: StepSettings, seed: UInt64) throws {
    folder = NSTemporaryDirectory() + "castle-benchmark-\(UUID().uuidString)"
    let path = folder + "/random_000.bin"
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let writer = try TokenShardWriter(path: path, width: TokenWidth(vocabularySize: vocabularySize))
      var source = RandomSource(seed: seed)
      let windows = 4 * settings.batchSize
      for window in 0..<windows {
        let count = settings.sequenceLength + (window == windows - 1 ? 1 : 0)
        try writer.append(
          (0..<count).map { _ in Int32.random(in: 0..<Int32(vocabularySize), using: &source) })
      }
      _ = try writer.finish()
      batches = TokenBatches(
        windows: try TokenWindows(shards: [TokenShard(path: path)], length: settings.sequenceLength),
        batchSize: settings.batchSize, seed: seed, separator: nil)
    } catch {
      try? FileManager.default.removeItem(atPath: folder)
      throw error
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }
}
