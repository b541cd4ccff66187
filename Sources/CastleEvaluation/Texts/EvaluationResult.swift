import Foundation

/// How well a model predicts a text.
public struct EvaluationResult: Sendable, Hashable {
  /// The mean negative log-likelihood of a token, in nats.
  public var loss: Double
  /// The number of tokens predicted.
  public var tokens: Int
  /// The bits that the model needs for a byte of the text that the predicted tokens of ``Evaluator`` stand
  /// for: those for the ends of documents count, which are no text. Nil if it is not known what the tokens
  /// stand for.
  public var bitsPerByte: Double?
  /// The share of the tokens that greedy decoding would have written; nil if it was not asked for.
  public var accuracy: Double?

  /// exp(loss).
  public var perplexity: Double { Foundation.exp(loss) }

  /// Bundles the numbers.
  public init(loss: Double, tokens: Int, bitsPerByte: Double?, accuracy: Double? = nil) {
    self.loss = loss
    self.tokens = tokens
    self.bitsPerByte = bitsPerByte
    self.accuracy = accuracy
  }
}
