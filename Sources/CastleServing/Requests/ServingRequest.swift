public import CastleGeneration

/// What one client wants: tokens that go on from a prompt, in token ids.
public struct ServingRequest: Sendable, Hashable {
  /// The tokens to go on from; at least one.
  public var prompt: [Int32]
  /// The most tokens to generate; 0 only reads, and scores, the prompt.
  public var maximumTokens: Int
  /// How tokens are chosen.
  public var sampling: SamplingOptions
  /// Tokens that end the sequence.
  public var endTokens: Set<Int32>
  /// Whether the log-probabilities of the prompt's tokens from the second one on are wanted. Such a prompt is
  /// read whole: nothing of it comes from the store of prefixes.
  public var scoresPrompt: Bool
  /// Nil: generated tokens have no log-probabilities. Otherwise each scored token, of the prompt or
  /// generated, comes with that many of the most probable tokens, 0 to ``alternativeLimit``.
  public var alternatives: Int?

  /// The most alternatives of a token.
  public static let alternativeLimit = 20

  /// Bundles the parts of a request.
  public init(
    prompt: [Int32], maximumTokens: Int, sampling: SamplingOptions = .greedy, endTokens: Set<Int32> = [],
    scoresPrompt: Bool = false, alternatives: Int? = nil
  ) {
    self.prompt = prompt
    self.maximumTokens = maximumTokens
    self.sampling = sampling
    self.endTokens = endTokens
    self.scoresPrompt = scoresPrompt
    self.alternatives = alternatives
  }
}
