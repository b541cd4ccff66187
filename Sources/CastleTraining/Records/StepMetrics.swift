import CastleFormats

/// What a step of training computed.
public struct StepMetrics: Sendable, Hashable {
  /// The number of the step, counted from 1.
  public var step: Int
  /// The number of tokens trained on since the run began, this step's included.
  public var tokens: Int
  /// The number of times that the training text has been seen, this step's part included; 0 where it never
  /// ends.
  public var epoch: Double
  /// The mean loss of the step's tokens before its update, in nats.
  public var loss: Double
  /// The learning rate of the update.
  public var learningRate: Double
  /// The norm of the gradient before clipping.
  public var gradientNorm: Double
  /// Whether the update was skipped as a spike.
  public var isSkipped: Bool

  /// Bundles the numbers.
  public init(
    step: Int, tokens: Int, epoch: Double, loss: Double, learningRate: Double, gradientNorm: Double,
    isSkipped: Bool
  ) {
    self.step = step
    self.tokens = tokens
    self.epoch = epoch
    self.loss = loss
    self.learningRate = learningRate
    self.gradientNorm = gradientNorm
    self.isSkipped = isSkipped
  }

  var json: JSONValue {
    var members: JSONValue.Members = [
      "step": .integer(step), "tokens": .integer(tokens), "epoch": .number(epoch), "loss": .number(loss),
      "learning_rate": .number(learningRate), "gradient_norm": .number(gradientNorm),
    ]
    if isSkipped { members["skipped"] = .bool(true) }
    return .object(members)
  }
}
