import CastleTensors
package import CastleTraining

/// Batches of random tokens, the same few over and over.
package final class SyntheticBatches: BatchSource {
  package private(set) var position = 0

  private let settings: StepSettings
  private let tokens: [Int32]

  private static let differentBatches = 4

  /// Tokens for a few batches of `settings`.
  package init(vocabularySize: Int, settings: StepSettings, seed: UInt64) {
    self.settings = settings
    var source = RandomSource(seed: seed)
    let count = Self.differentBatches * settings.batchSize * settings.sequenceLength + 1
    tokens = (0..<count).map { _ in Int32.random(in: 0..<Int32(vocabularySize), using: &source) }
  }

  package func next() -> TokenBatch {
    let start = position % (Self.differentBatches * settings.batchSize) * settings.sequenceLength
    let places = start..<start + settings.batchSize * settings.sequenceLength
    position += settings.batchSize
    return TokenBatch(
      tokens: Array(tokens[places]),
      targets: Array(tokens[places.lowerBound + 1..<places.upperBound + 1]), length: settings.sequenceLength)
  }
}
