public import CastleEvaluation
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

  var json: JSONObject {
    var fields: [(String, JSONObject.Value)] = [
      ("step", .integer(step)), ("tokens", .integer(tokens)), ("epoch", .number(epoch)),
      ("loss", .number(loss)),
      ("learning_rate", .number(learningRate)), ("gradient_norm", .number(gradientNorm)),
    ]
    if isSkipped { fields.append(("skipped", .boolean(true))) }
    return JSONObject(fields)
  }
}

/// What the clock said of a step.
public struct StepTiming: Sendable, Hashable {
  /// The number of the step.
  public var step: Int
  /// The seconds of work since the run began, interruptions left out.
  public var seconds: Double
  /// The speed of this step.
  public var tokensPerSecond: Double
  /// The largest amount of memory that the process has held so far, in bytes.
  public var memory: Int

  /// Bundles the numbers.
  public init(step: Int, seconds: Double, tokensPerSecond: Double, memory: Int) {
    self.step = step
    self.seconds = seconds
    self.tokensPerSecond = tokensPerSecond
    self.memory = memory
  }

  var json: JSONObject {
    JSONObject([
      ("step", .integer(step)), ("seconds", .number(seconds)),
      ("tokens_per_second", .number(tokensPerSecond)),
      ("memory_bytes", .integer(memory)),
    ])
  }
}

/// The evaluation of one set at one step.
public struct EvaluationMetrics: Sendable, Hashable {
  /// The last step before the evaluation.
  public var step: Int
  /// The number of tokens trained on.
  public var trainedTokens: Int
  /// The name of the set.
  public var set: String
  /// What was measured.
  public var result: EvaluationResult

  /// Bundles the numbers.
  public init(step: Int, trainedTokens: Int, set: String, result: EvaluationResult) {
    self.step = step
    self.trainedTokens = trainedTokens
    self.set = set
    self.result = result
  }

  var json: JSONObject {
    var fields: [(String, JSONObject.Value)] = [
      ("step", .integer(step)), ("tokens", .integer(trainedTokens)), ("set", .text(set)),
      ("evaluation_loss", .number(result.loss)), ("perplexity", .number(result.perplexity)),
      ("bits_per_byte", result.bitsPerByte.map { .number($0) } ?? .null),
      ("evaluation_tokens", .integer(result.tokens)),
    ]
    if let accuracy = result.accuracy { fields.append(("accuracy", .number(accuracy))) }
    return JSONObject(fields)
  }
}
