import CastleAttention
package import CastleModel
import CastleOperations
package import CastleTensors

/// The arithmetic of a step of training, without decisions and records: gradients of its batches, and the update.
package final class TrainingStep {
  /// The model that is trained.
  package let model: LanguageModel
  /// What it is trained on.
  package let batches: TokenBatches
  /// The gradient of the last step's mean loss, (1, parameters).
  package let gradients: Matrix

  let pass: TrainingPass
  let optimizer: Optimizer

  private let settings: StepSettings

  /// Takes all memory that a step needs besides the weights of `model`.
  ///
  /// Throws an `InputError` if the length of a window is more than the model allows.
  package init(_ model: LanguageModel, configuration: TrainingConfiguration, batches: TokenBatches) throws {
    self.model = model
    self.batches = batches
    settings = configuration.training
    pass = try TrainingPass(
      model, batch: settings.batchSize, length: settings.sequenceLength,
      recomputesActivations: settings.recomputes)
    gradients = model.backend.allocate(Float.self, rowCount: 1, columnCount: model.layout.parameterCount)
    optimizer = Optimizer(layout: model.layout, settings: configuration.optimizer, backend: model.backend)
  }

  /// The mean loss of the next batches, and the norm of its gradient, which goes to ``gradients``.
  ///
  /// `load` brings the next batch.
  package func computeGradients(
    load: (TokenBatches) throws -> Void = { try $0.advance() }
  ) throws -> (loss: Double, norm: Double) {
    model.backend.fill(gradients, with: 0)
    let tokens = settings.batchSize * settings.sequenceLength * settings.accumulation
    var lossSum = DeviceScalar(0)
    for _ in 0..<settings.accumulation {
      try load(batches)
      lossSum += try pass.lossAndGradients(
        tokens: batches.tokens, targets: batches.targets, documents: Documents(batches.sequences),
        lossScale: 1 / Float(tokens), into: gradients)
    }
    let squares = model.backend.sumOfSquares(gradients)
    return (lossSum.value / Double(tokens), squares.value.squareRoot())
  }

  /// Moves the weights against ``gradients``, shortened if `norm` is above the limit.
  package func update(norm: Double, learningRate: Double, number: Int) {
    let scale = settings.clip > 0 && norm > settings.clip ? settings.clip / norm : 1
    optimizer.update(
      model.weights, gradients: gradients, gradientScale: scale, learningRate: learningRate, step: number)
  }
}
