import CastleEvaluation
import CastleFormats
public import CastleOperations
import CastleReports
import CastleTraining
import Foundation

/// A probe of the mechanism (Equations, Probe): one layer of ordinary attention cannot learn
/// `lookahead-recall`, one layer of CASTLE can.
///
/// Both models have equal parameters: 7 heads of 8 against 4. They are ordinary runs of a ``Trainer``.
public struct LookaheadRecall: Sendable {
  /// How one of the two models did.
  public struct Result: Sendable, Hashable {
    /// The mechanism: causal or castle.
    public var mechanism: String
    /// The number of parameters.
    public var parameterCount: Int
    /// The part of fresh questions that were answered rightly.
    public var accuracy: Double
    /// The accuracy during training, by step.
    public var history: [Point]
  }

  /// An accuracy during training.
  public struct Point: Sendable, Hashable {
    /// The number of steps done.
    public var step: Int
    /// The part of questions that were answered rightly.
    public var accuracy: Double
  }

  /// The number of (item, label) pairs of a sequence, and of different labels.
  public var pairs = 8
  /// The number of different items.
  public var items = 32
  /// The number of optimizer steps of each model.
  public var steps = 2000
  /// What weights and sequences are made from.
  public var seed: UInt64

  private static let questions = 1000
  private static let pace = 250

  /// The probe with its usual settings.
  public init(seed: UInt64) {
    self.seed = seed
  }

  /// Trains both models, in folders of their own in `folder`. `progress` is told the mechanism, the step and
  /// the mean loss of the step.
  ///
  /// - Throws: ``InputError`` if the sizes do not fit each other, or a folder holds a run already or cannot
  ///   be written.
  public func run(
    in folder: String, backend: any Backend,
    progress: @escaping (_ mechanism: String, _ step: Int, _ loss: Double) -> Void
  ) throws -> [Result] {
    try [("causal", 7), ("castle", 4)].map { name, heads in
      let configuration = try TrainingConfiguration(
        yaml: settings(mechanism: name, heads: heads), source: "lookahead-recall",
        overrides: ["output=" + SettingOverride.quoted(folder + "/" + name)])
      let observer = StepObserver { progress(name, $0, $1) }
      let trainer = try Trainer(
        configuration, resumes: false, backend: backend, progress: observer, isInterrupted: { false })
      _ = try trainer.run()
      return Result(
        mechanism: name, parameterCount: trainer.plan.parameterCount,
        accuracy: observer.history.last?.accuracy ?? 0,
        history: observer.history)
    }
  }

  private func settings(mechanism: String, heads: Int) -> String {
    let length = 2 * pairs + 1
    return """
      seed: \(seed)
      data: {probe: {kind: lookahead-recall, pairs: \(pairs), items: \(items), labels: \(pairs)}}
      model: {preset: 1m-\(mechanism), layers: 1, hidden-size: 56, heads: \(heads), head-size: 8}
      training: {steps: \(steps), batch-size: 64}
      optimizer: {learning-rate: 3e-3, weight-decay: 0.01}
      schedule: {kind: cosine, warm-up: \(min(100, steps)), floor: 0.1}
      evaluation: {every: \(Self.pace), tokens: \(Self.questions * length)}
      checkpoints: {every: 0, best: false}
      """
  }
}

/// Passes on the loss of steps, and remembers accuracies.
private final class StepObserver: TrainingProgress {
  private(set) var history: [LookaheadRecall.Point] = []
  private let step: (_ step: Int, _ loss: Double) -> Void

  init(step: @escaping (_ step: Int, _ loss: Double) -> Void) { self.step = step }

  func step(_ metrics: StepMetrics, _ timing: StepTiming, of steps: Int, remaining: Double) {
    step(metrics.step, metrics.loss)
  }
  func evaluated(_ metrics: EvaluationMetrics) {
    history.append(.init(step: metrics.step, accuracy: metrics.result.accuracy ?? 0))
  }
  func note(_ text: String) {}
  func evaluating(_ set: String, share: Double) {}
  func sampled(_ text: String, prompt: String, step: Int) {}
  func saved(_ checkpoint: CheckpointStore.Entry) {}
}
