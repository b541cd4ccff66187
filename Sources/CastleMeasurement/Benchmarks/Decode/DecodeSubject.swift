import CastleModel
import CastleOperations
import CastleTensors

/// A model in one format, its sequences, and the times of their steps.
final class DecodeSubject {
  private let format: WeightFormat
  private let engine: InferenceEngine
  private let sequences: [SequenceState]
  private let promptLength: Int
  private let promptSeconds: Double
  private let clock: StepClock
  private var times: [Int: [StepTime]] = [:]
  private var cacheBytes: [Int: Int] = [:]

  /// The seconds of one step and of two of its parts.
  private struct StepTime {
    var all: Double
    var products: Double
    var attention: Double
  }

  /// Reads a prompt of its own into every sequence. The backend of `model` is `clock`.
  init(
    _ model: LanguageModel, clock: StepClock, format: WeightFormat, sequences count: Int,
    _ promptLength: Int
  ) throws {
    self.format = format
    self.clock = clock
    self.promptLength = promptLength
    let engine = InferenceEngine(model)
    let capacity = model.configuration.maximumLength
    var seconds: [Double] = []
    var source = RandomSource(seed: 7)
    let vocabulary = Double(model.configuration.vocabularySize)
    sequences = try (0..<count).map { _ in
      let sequence = try engine.makeSequence(capacity: capacity)
      let prompt = (0..<promptLength).map { _ in Int32(source.nextDouble() * vocabulary) }
      seconds.append(
        try ContinuousClock().measure { _ = try engine.advance(sequence, by: prompt) } / .seconds(1))
      return sequence
    }
    promptSeconds = seconds.median
    self.engine = engine
  }

  /// Times one token of each of the first `batch` sequences.
  func step(_ batch: Int) throws {
    let advances = sequences[..<batch].map { InferenceEngine.Advance($0, by: [1]) }
    cacheBytes[batch] = sequences[..<batch].reduce(0) { $0 + $1.byteCount }
    clock.reset()
    let elapsed = try ContinuousClock().measure {
      try engine.advance(advances) { _, _, _ in }
    }
    times[batch, default: []].append(
      StepTime(
        all: elapsed / .seconds(1), products: clock.productSeconds, attention: clock.attentionSeconds))
  }

  func row(_ batch: Int, bandwidth: Double) -> DecodeBenchmark.Row {
    // The first step finds the processor's caches as other formats left them, as all others do.
    let times = times[batch] ?? []
    let seconds = times.map(\.all)
    let weights = engine.model.parameters.bytesPerPass
    let caches = cacheBytes[batch] ?? 0
    let rate = Double(batch) / seconds.median
    let bound = Double(batch) * bandwidth / Double(weights + caches)
    return DecodeBenchmark.Row(
      format: format.rawValue, batch: batch, tokensPerSecond: rate, seconds: seconds.min() ?? .infinity,
      medianSeconds: seconds.median, productSeconds: times.map(\.products).median,
      attentionSeconds: times.map(\.attention).median, boundTokensPerSecond: bound,
      shareOfBound: rate / bound,
      weightBytes: weights, cacheBytes: caches)
  }

  func prompt(productRate: Double) -> DecodeBenchmark.Prompt {
    let configuration = engine.model.configuration
    // Every weight of the layers meets every token, the head only the last one.
    let layout = ParameterLayout(configuration)
    let outside = ["model.embed_tokens.weight", "lm_head.weight"]
    let weights = layout.entries.filter { $0.isMatrix && !outside.contains($0.name) }.reduce(0) {
      $0 + $1.count
    }
    let rate = Double(promptLength) / promptSeconds
    let bound = productRate / (2 * Double(weights))
    return DecodeBenchmark.Prompt(
      format: format.rawValue, tokens: promptLength, tokensPerSecond: rate, boundTokensPerSecond: bound,
      shareOfBound: rate / bound)
  }
}
