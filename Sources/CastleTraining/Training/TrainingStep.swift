import CastleAttention
import CastleFormats
package import CastleModel
import CastleOperations
package import CastleTensors

/// What a step of training computes, without decisions and records: gradients of its batches, and the update.
///
/// The loss of a step is the mean over all targets of its batches that count: the sum of their losses over
/// their number. Targets of −1 do not count.
package final class TrainingStep {
  /// The model that is trained.
  package let model: LanguageModel
  /// What it is trained on.
  package let source: any BatchSource
  /// The gradient of the last step's mean loss, (1, parameters).
  package let gradients: Matrix

  let pass: TrainingPass
  let optimizer: Optimizer

  private let settings: StepSettings

  /// Takes all memory that a step needs besides the weights of `model`. `source` brings batches of at most
  /// `settings.batchSize` sequences of `settings.sequenceLength` tokens.
  ///
  /// - Throws: ``InputError`` if the sequences are longer than the model allows.
  package init(
    _ model: LanguageModel, settings: StepSettings, optimizer: OptimizerSettings, source: any BatchSource
  ) throws {
    self.model = model
    self.source = source
    self.settings = settings
    pass = try TrainingPass(
      model, batch: settings.batchSize, length: settings.sequenceLength,
      recomputesActivations: settings.recomputes)
    gradients = model.backend.allocate(Float.self, rowCount: 1, columnCount: model.layout.parameterCount)
    self.optimizer = Optimizer(layout: model.layout, settings: optimizer, backend: model.backend)
  }

  /// The mean loss of the next batches, and the norm of its gradient, which goes to ``gradients``.
  ///
  /// `next` brings the next batch of the source.
  package func computeGradients(
    next: (any BatchSource) throws -> TokenBatch = { try $0.next() }
  ) throws -> (loss: Double, norm: Double) {
    // All of them come first: how many targets count decides the scale of every gradient.
    let batches = try (0..<settings.accumulation).map { _ in try next(source) }
    let targetCount = batches.reduce(0) { $0 + $1.targetCount }
    guard targetCount > 0 else { throw InputError("a step has no target that counts: all of them are −1") }
    model.backend.fill(gradients, with: 0)
    var lossSum = DeviceScalar(0)
    for batch in batches {
      lossSum += try pass.lossAndGradients(
        tokens: batch.tokens, targets: batch.targets, documents: batch.documents,
        lossScale: 1 / Float(targetCount), into: gradients)
    }
    let squares = model.backend.sumOfSquares(gradients)
    return (lossSum.value / Double(targetCount), squares.value.squareRoot())
  }

  /// Moves the weights against ``gradients``, with the gradient clipped to the norm `settings.clip`.
  ///
  /// - Parameters:
  ///   - norm: The norm of the gradient, as ``computeGradients(next:)`` gave it.
  ///   - learningRate: The learning rate of the step.
  ///   - number: The number of the step, counted from 1.
  package func update(norm: Double, learningRate: Double, number: Int) {
    let scale = settings.clip > 0 && norm > settings.clip ? settings.clip / norm : 1
    optimizer.update(
      model.weights, gradients: gradients, gradientScale: scale, learningRate: learningRate, step: number)
  }
}
