public import CastleGeneration
public import CastleModel

/// What a request's stream gives: ``prompt(scores:cachedTokens:)`` once, a ``token(id:score:)`` each, and
/// ``finished(_:_:)`` as the last.
///
/// A score is the logarithm of the softmax of the model's logits as they are, before temperature, penalties
/// and filters. A token's own number and its entry among its alternatives are the same `Float`. It is finite,
/// or −∞ where the model says that a token cannot come.
public enum ServingEvent: Sendable, Hashable {
  /// The prompt has been read.
  ///
  /// `scores` are those of the prompt's tokens from the second one on, if they were wanted, and empty
  /// otherwise. `cachedTokens` of the prompt came from the store of prefixes.
  case prompt(scores: [TokenScore], cachedTokens: Int)
  /// A token was generated; one of the request's end tokens is given too, as the last. The score is there if
  /// ``ServingRequest/alternatives`` is not nil.
  case token(id: Int32, score: TokenScore?)
  /// Nothing more comes. The reason is never ``FinishReason/stopSequence``: stop strings are the caller's
  /// business, who ends the stream.
  case finished(FinishReason, ServingUsage)
}

/// How many tokens a request took.
public struct ServingUsage: Sendable, Hashable {
  /// The tokens of the prompt.
  public var promptTokens: Int
  /// Those of them that came from the store of prefixes.
  public var cachedTokens: Int
  /// The tokens that were generated, an end token included.
  public var generatedTokens: Int

  /// Bundles the counts.
  public init(promptTokens: Int, cachedTokens: Int, generatedTokens: Int) {
    self.promptTokens = promptTokens
    self.cachedTokens = cachedTokens
    self.generatedTokens = generatedTokens
  }
}
