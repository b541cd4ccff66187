package import CastleModel
package import CastleOperations
import CastleTensors

/// Times reading a prompt and decoding several sequences together, with weights in every format, against the
/// bytes that a step has to read.
package struct DecodeBenchmark {
  /// One line of the result.
  package struct Row: Encodable {
    package var format: String
    /// The sequences that decode together.
    package var batch: Int
    /// Tokens of all sequences in a second: that of the median step.
    package var tokensPerSecond: Double
    /// The best and the median time of a step.
    package var seconds: Double
    package var medianSeconds: Double
    /// The median time of a step's products with weights, and of its attention over caches.
    package var productSeconds: Double
    package var attentionSeconds: Double
    /// The tokens per second if reading took all the time.
    package var boundTokensPerSecond: Double
    package var shareOfBound: Double
    /// The bytes of the weights that a step reads.
    package var weightBytes: Int
    /// The bytes of caches that a step reads.
    package var cacheBytes: Int
  }

  /// One line about prompts.
  package struct Prompt: Encodable {
    package var format: String
    package var tokens: Int
    package var tokensPerSecond: Double
    /// The tokens per second if the products with weights ran at the measured rate and took all the time.
    package var boundTokensPerSecond: Double
    package var shareOfBound: Double
  }

  /// The result.
  package struct Report: Encodable {
    package var backend: String
    package var model: String
    package var parameters: Int
    package var readBandwidth: Double
    package var productRate: Double
    package var prompts: [Prompt]
    package var rows: [Row]
  }

  package let backend: CPUBackend
  package let name: String
  package let configuration: ModelConfiguration
  package let formats: [WeightFormat]
  package let batches: [Int]
  package let promptLength: Int
  /// The steps that are timed.
  package let steps: Int

  /// Bundles the parts.
  package init(
    backend: CPUBackend, name: String, configuration: ModelConfiguration, formats: [WeightFormat],
    batches: [Int], promptLength: Int, steps: Int
  ) {
    self.backend = backend
    self.name = name
    self.configuration = configuration
    self.formats = formats
    self.batches = batches
    self.promptLength = promptLength
    self.steps = steps
  }

  /// The memory that the benchmark takes at most, in bytes.
  package static func byteCount(
    _ configuration: ModelConfiguration, backend: CPUBackend, formats: [WeightFormat], batches: [Int],
    length: Int
  ) -> Int {
    let caches =
      configuration.layerCount
      * backend.attentionCacheByteCount(
        configuration.heads, mechanism: configuration.mechanism, length: length)
    // The weights in single precision, every format of them, and the caches of each format's sequences.
    let copies = Double(formats.count + 1) * Double(configuration.parameterCount) * 4
    let bytes = copies + Double(caches) * Double((batches.max() ?? 1) * formats.count) + 512e6
    return Int(exactly: bytes.rounded()) ?? .max
  }

  private static let bandwidthBytes = 96 << 20

  /// Throws an `InputError` if the model cannot be made.
  package func run() throws -> Report {
    let clock = StepClock(backend)
    let model = try LanguageModel(configuration, backend: clock, seed: 1)
    let subjects = try formats.map { format in
      try DecodeSubject(
        LanguageModel(
          configuration, weights: model.parameters.packed(format, on: backend), backend: clock),
        clock: clock, format: format, sequences: batches.max() ?? 1, promptLength)
    }
    let memory = backend.allocate(
      Float.self, rowCount: 1, columnCount: Self.bandwidthBytes / MemoryLayout<Float>.stride)
    backend.fill(memory, with: 1)
    var bandwidth = 0.0
    func measureBandwidth() {
      let seconds = ContinuousClock().measure { _ = backend.sumOfWords(memory) } / .seconds(1)
      bandwidth = max(bandwidth, Double(Self.bandwidthBytes) / seconds)
    }
    measureBandwidth()
    // Formats take turns, so that a slow moment of the machine does not fall on one alone.
    for batch in batches {
      for _ in 0..<steps {
        measureBandwidth()
        for subject in subjects { try subject.step(batch) }
      }
    }
    let rates = MachinePeaks.productRates(backend, size: 1024, repetitions: 5)
    let productRate = rates.max() ?? 0
    return Report(
      backend: backend.summary, model: name, parameters: configuration.parameterCount,
      readBandwidth: bandwidth, productRate: productRate,
      prompts: subjects.map { $0.prompt(productRate: productRate) },
      rows: batches.flatMap { batch in subjects.map { $0.row(batch, bandwidth: bandwidth) } })
  }
}
