import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import CastleTraining
import Testing

/// Steps on batches some of whose targets are −1.
struct TrainingStepTests {
  /// Brings the given batches, one after the other.
  private final class Batches: BatchSource {
    private(set) var position = 0
    private let batches: [TokenBatch]

    init(_ batches: [TokenBatch]) { self.batches = batches }

    func next() -> TokenBatch {
      defer { position += 1 }
      return batches[position]
    }
  }

  private let model: LanguageModel
  private let backend = CPUBackend(threads: 1)

  init() throws {
    let configuration = ModelConfiguration(
      vocabularySize: 11, layerCount: 1, hiddenSize: 8, intermediateSize: 12,
      heads: HeadLayout(queryHeads: 2, kvHeads: 2, headSize: 4), mechanism: .castle)
    model = try LanguageModel(configuration, backend: backend, seed: 3)
  }

  private func batch(_ seed: UInt64, targetsKept: (Int) -> Bool) -> TokenBatch {
    var source = RandomSource(seed: seed)
    let tokens = (0...10).map { _ in Int32.random(in: 0..<11, using: &source) }
    let targets = tokens.dropFirst().enumerated().map { targetsKept($0.offset) ? $0.element : -1 }
    return TokenBatch(tokens: Array(tokens.dropLast()), targets: targets, length: 5)
  }

  private func step(_ batches: [TokenBatch]) throws -> TrainingStep {
    var settings = StepSettings()
    settings.batchSize = 2
    settings.sequenceLength = 5
    settings.accumulation = batches.count
    return try TrainingStep(
      model, settings: settings, optimizer: OptimizerSettings(), source: Batches(batches))
  }

  private func numbers(_ matrix: Matrix) -> [Float] {
    [Float](unsafeUninitializedCapacity: matrix.count) {
      backend.download(matrix, to: $0)
      $1 = matrix.count
    }
  }

  /// Not over all tokens, and not the mean of the batches' means.
  @Test func theLossIsTheMeanOverTheTargetsThatCount() throws {
    let batches = [batch(1) { $0 == 3 }, batch(2) { $0 != 4 }]
    #expect(batches.map(\.targetCount) == [1, 9])
    let step = try step(batches)
    let (loss, norm) = try step.computeGradients()

    let pass = try TrainingPass(model, batch: 2, length: 5)
    let sum = backend.allocate(Float.self, rowCount: 1, columnCount: model.layout.parameterCount)
    backend.fill(sum, with: 0)
    var total = 0.0
    for batch in batches {
      total += try pass.lossAndGradients(
        tokens: batch.tokens, targets: batch.targets, documents: batch.documents, lossScale: 1, into: sum
      ).value
    }
    #expect(abs(loss - total / 10) < 1e-6)
    for (mean, sum) in zip(numbers(step.gradients), numbers(sum)) { #expect(abs(mean - sum / 10) < 1e-6) }
    #expect(norm > 0)
  }

  @Test func aStepWithoutTargetsIsRefused() throws {
    let step = try step([batch(1) { _ in false }])
    #expect(throws: InputError.self) { try step.computeGradients() }
  }
}
