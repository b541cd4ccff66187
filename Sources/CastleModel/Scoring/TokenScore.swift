/// A question to a model: how probable is `token` after the one at `place`?
public struct TokenQuery: Sendable, Hashable {
  /// The index of the token before, in its batch.
  public var place: Int
  /// The id that may follow.
  public var token: Int32

  /// Bundles the two.
  public init(place: Int, token: Int32) {
    self.place = place
    self.token = token
  }
}

/// How probable a token is where it stands.
public struct TokenScore: Sendable, Hashable {
  /// A token that could follow.
  public struct Alternative: Sendable, Hashable {
    /// The id.
    public var token: Int32
    /// The natural logarithm of its probability.
    public var logProbability: Float

    /// Bundles the two.
    public init(token: Int32, logProbability: Float) {
      self.token = token
      self.logProbability = logProbability
    }
  }

  /// The id.
  public var token: Int32
  /// The natural logarithm of its probability.
  public var logProbability: Float
  /// The most probable tokens, the first of equal ones being that of the lower id; as many as were asked for.
  public var alternatives: [Alternative]

  /// Whether greedy decoding would have chosen the token; nil if no alternatives were asked for.
  public var isGreedy: Bool? { alternatives.first.map { $0.token == token } }

  /// Bundles the numbers.
  public init(token: Int32, logProbability: Float, alternatives: [Alternative] = []) {
    self.token = token
    self.logProbability = logProbability
    self.alternatives = alternatives
  }
}
