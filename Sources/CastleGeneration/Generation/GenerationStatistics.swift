/// How many tokens went through the model and how long that took.
public struct GenerationStatistics: Sendable, Hashable {
  /// The tokens of the prompt that the model has read.
  public internal(set) var promptTokens = 0
  /// The time that reading the prompt took, in seconds.
  public internal(set) var promptSeconds = 0.0
  /// The tokens that were chosen, an end token and those of a stop string included.
  public internal(set) var generatedTokens = 0
  /// The chosen tokens that the model has read, one at a time.
  public internal(set) var decodedTokens = 0
  /// The time that reading and choosing them took, in seconds.
  public internal(set) var decodeSeconds = 0.0

  /// The speed of reading the prompt; 0 before anything was read.
  public var promptTokensPerSecond: Double {
    promptSeconds > 0 ? Double(promptTokens) / promptSeconds : 0
  }

  /// The speed of generation after the first token; 0 before there is a second.
  public var decodeTokensPerSecond: Double {
    decodeSeconds > 0 ? Double(decodedTokens) / decodeSeconds : 0
  }
}
