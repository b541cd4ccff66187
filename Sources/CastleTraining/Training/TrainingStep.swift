import CastleAttention
package import CastleCluster
import CastleFormats
package import CastleModel
import CastleOperations
package import CastleTensors

/// What a step of training computes, without decisions and records: gradients of its batches, and the update.
///
/// The loss of a step is the mean over all targets of its batches that count: the sum of their losses over
/// their number. Targets of −1 do not count.
///
/// The ranks of a communicator share the work: each, or each group of them, computes its part of every
/// batch, and the ranks of a group the tokens of that. Loss and norm are those of all, and the weights are
/// the same on every rank after an update.
package final class TrainingStep {
  /// The model that is trained.
  package let model: LanguageModel
  /// What it is trained on.
  package let source: any BatchSource
  /// The gradient of the last step's mean loss, (1, parameters). With several ranks, of the optimizer's
  /// ranges alone.
  package let gradients: Matrix

  let pass: TrainingPass
  let optimizer: Optimizer

  /// The ranks that share the work.
  let ranks: RankGroups

  private let settings: StepSettings
  private var communicator: any Communicator { ranks.all }
  /// Nil where this is the only rank.
  private let exchange: ArenaExchange?

  /// Takes all memory that a step needs besides the weights of `model`. `source` brings batches of at most
  /// `settings.batchSize` sequences of `settings.sequenceLength` tokens, or of the largest share of a group
  /// of `settings.sequenceRanks` ranks: the same on each of these.
  ///
  /// - Throws: ``InputError`` if the sequences are longer than the model allows.
  package init(
    _ model: LanguageModel, settings: StepSettings, optimizer: OptimizerSettings, source: any BatchSource,
    communicator: any Communicator = SingleProcess()
  ) throws {
    self.model = model
    self.source = source
    self.settings = settings
    ranks = try RankGroups(communicator, size: settings.sequenceRanks)
    pass = try TrainingPass(
      model, batch: settings.largestShare(of: ranks.groups), length: settings.sequenceLength,
      recomputesActivations: settings.recomputes, ranks: ranks.own)
    gradients = model.backend.allocate(Float.self, rowCount: 1, columnCount: model.layout.parameterCount)
    exchange =
      communicator.world.size > 1
      ? ArenaExchange(
        layout: model.layout, gradients: gradients, format: settings.gradientFormat,
        communicator: communicator, backend: model.backend)
      : nil
    self.optimizer = Optimizer(
      layout: model.layout, settings: optimizer, backend: model.backend, ranges: exchange?.ownRanges)
  }

  /// The mean loss of the next batches, and the norm of its gradient, which goes to ``gradients``.
  ///
  /// `next` brings the next batch of the source.
  package func computeGradients(
    next: (any BatchSource) throws -> TokenBatch = { try $0.next() }
  ) throws -> (loss: Double, norm: Double) {
    // All of them come first: how many targets count decides the scale of every gradient.
    var batches: [TokenBatch] = []
    let targetCounts = try communicator.together {
      batches = try (0..<settings.accumulation).map { _ in try next(source) }
      return batches.reduce(0) { $0 + $1.targetCount(in: pass.ownTokens(of: $1.documents)) }
    }
    let targetCount = targetCounts.reduce(0, +)
    guard targetCount > 0 else { throw InputError("a step has no target that counts: all of them are −1") }
    model.backend.fill(gradients, with: 0)
    var lossSum = DeviceScalar(0)
    for (index, batch) in batches.enumerated() {
      let isLast = index + 1 == batches.count
      lossSum += try pass.lossAndGradients(
        tokens: batch.tokens, targets: batch.targets, documents: batch.documents,
        lossScale: 1 / Float(targetCount), into: gradients,
        whenFinal: isLast ? exchange?.send(from:) : nil)
    }
    guard let exchange else {
      let squares = model.backend.sumOfSquares(gradients)
      return (lossSum.value / Double(targetCount), squares.value.squareRoot())
    }
    try exchange.finish()
    return (try communicator.sum(lossSum.value) / Double(targetCount), try exchange.norm())
  }

  /// Moves the weights against ``gradients``, with the gradient clipped to the norm `settings.clip`.
  ///
  /// - Parameters:
  ///   - norm: The norm of the gradient, as ``computeGradients(next:)`` gave it.
  ///   - learningRate: The learning rate of the step.
  ///   - number: The number of the step, counted from 1.
  package func update(norm: Double, learningRate: Double, number: Int) throws {
    let scale = settings.clip > 0 && norm > settings.clip ? settings.clip / norm : 1
    optimizer.update(
      model.weights, gradients: gradients, gradientScale: scale, learningRate: learningRate, step: number)
    try exchange?.gather(model.weights)
  }

  /// The first parameter whose gradient is not finite.
  func firstBadParameter() throws -> ParameterLayout.Entry? {
    let entries = model.layout.entries
    let own = entries.firstIndex { entry in
      optimizer.ranges.contains { range in
        let part = entry.range.clamped(to: range)
        return !part.isEmpty && !model.backend.sumOfSquares(gradients.columns(part)).value.isFinite
      }
    }
    let first = try communicator.gather(own ?? entries.count).min() ?? entries.count
    return first < entries.count ? entries[first] : nil
  }
}
