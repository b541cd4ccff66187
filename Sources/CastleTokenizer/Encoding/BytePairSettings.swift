/// What a model does with characters that it has no token for, and with pre-tokens that are tokens.
struct BytePairSettings: Sendable, Equatable {
  /// The name of the token that stands for unknown characters.
  var unknownToken: String?
  /// Whether unknown characters that follow each other give one such token.
  var fusesUnknown = false
  /// Whether unknown characters become tokens such as `<0x0A>`, one a byte, if there are all that are needed.
  var fallsBackToBytes = false
  /// Whether a pre-token that is a token is taken as it is, whatever the merges say.
  var ignoresMerges = false
}
