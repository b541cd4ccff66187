public import CastleEvaluation
import CastleFormats

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

  var json: JSONValue {
    var members: JSONValue.Members = [
      "step": .integer(step), "tokens": .integer(trainedTokens), "set": .string(set),
      "evaluation_loss": .number(result.loss), "perplexity": .number(result.perplexity),
      "bits_per_byte": result.bitsPerByte.map { .number($0) } ?? .null,
      "evaluation_tokens": .integer(result.tokens),
    ]
    if let accuracy = result.accuracy { members["accuracy"] = .number(accuracy) }
    return .object(members)
  }
}
