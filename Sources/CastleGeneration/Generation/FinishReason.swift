/// Why no more tokens come.
public enum FinishReason: String, Sendable, CaseIterable {
  /// One of the request's end tokens was chosen.
  case endToken = "end-token"
  /// One of the request's stop strings came.
  case stopSequence = "stop-sequence"
  /// As many tokens as the request allows were generated.
  case maximumTokens = "maximum-tokens"
  /// The sequence is as long as the model can read.
  case contextFull = "context-full"
  /// The caller asked to end.
  case cancelled = "cancelled"
}
