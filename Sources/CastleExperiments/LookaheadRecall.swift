import CastleAttention
import CastleModel
public import CastleOperations
import CastleTensors
import CastleTraining

/// A probe of the mechanism (Equations, Probe): one layer of ordinary attention cannot learn ``RecallTask``,
/// one layer of CASTLE can.
///
/// Both models have equal parameters: 7 heads of 8 against 4.
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

  /// What is asked.
  public var task = RecallTask()
  /// The number of optimizer steps of each model.
  public var steps = 2000
  /// The number of sequences of a step.
  public var batchSize = 64
  /// The peak learning rate.
  public var learningRate = 3e-3
  /// What weights and sequences are made from.
  public var seed: UInt64

  private static let questions = 1000
  private static let pace = 250

  /// The probe with its usual settings.
  public init(seed: UInt64) {
    self.seed = seed
  }

  /// Trains both models. `progress` gets the mechanism, the step and the mean loss of the step.
  public func run(
    backend: any Backend, progress: (_ mechanism: String, _ step: Int, _ loss: Double) -> Void
  ) throws -> [Result] {
    try [("causal", Mechanism.causal, 7), ("castle", .castle, 4)].map { name, mechanism, heads in
      try train(name, mechanism, heads: heads, backend: backend) { progress(name, $0, $1) }
    }
  }

  private func train(
    _ name: String, _ mechanism: Mechanism, heads: Int, backend: any Backend,
    progress: (_ step: Int, _ loss: Double) -> Void
  ) throws -> Result {
    let size = 56
    var configuration = ModelConfiguration(
      vocabularySize: task.vocabularySize, layerCount: 1, hiddenSize: size, intermediateSize: 8 * size / 3,
      heads: HeadLayout(queryHeads: heads, kvHeads: heads, headSize: 8), mechanism: mechanism)
    configuration.maximumLength = task.length
    let model = try LanguageModel(configuration, backend: backend, seed: seed)
    var settings = StepSettings()
    settings.batchSize = batchSize
    settings.sequenceLength = task.length
    var optimizer = OptimizerSettings()
    optimizer.weightDecay = 0.01
    let learner = try TrainingStep(
      model, settings: settings, optimizer: optimizer,
      source: RecallBatches(task, batchSize: batchSize, seed: seed &+ 1))
    let schedule = LearningRateSchedule(kind: .cosine, steps: steps, warmUpSteps: 100, floor: 0.1)
    var history: [Point] = []
    for step in 1...steps {
      let (loss, norm) = try learner.computeGradients()
      try learner.update(norm: norm, learningRate: learningRate * schedule.factor(step: step), number: step)
      progress(step, loss)
      if step.isMultiple(of: Self.pace), step < steps {
        history.append(Point(step: step, accuracy: try accuracy(of: model, Self.questions / 4)))
      }
    }
    let final = try accuracy(of: model, Self.questions)
    return Result(
      mechanism: name, parameterCount: configuration.parameterCount, accuracy: final,
      history: history + [Point(step: steps, accuracy: final)])
  }

  /// The part of `count` sequences, never trained on, whose likeliest last token is the answer.
  private func accuracy(of model: LanguageModel, _ count: Int) throws -> Double {
    var source = RandomSource(seed: ~seed)
    var right = 0
    for _ in 0..<count {
      let (tokens, answer) = task.sequence(&source)
      let logits = try model.logits(tokens).suffix(task.vocabularySize)
      let likeliest = logits.indices.max { logits[$0] < logits[$1] }.map { $0 - logits.startIndex }
      right += likeliest == Int(answer) ? 1 : 0
    }
    return Double(right) / Double(count)
  }
}
