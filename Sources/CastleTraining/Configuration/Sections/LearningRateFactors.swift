/// Factors of the learning rate by group of weights.
public struct LearningRateFactors: ConfigurationSection {
  /// The token embedding, and the output head where it is not tied to it.
  public var embeddings = 1.0
  /// The projections of attention.
  public var attention = 1.0
  /// The matrices of the MLP.
  public var mlp = 1.0
  /// The weights of the norms.
  public var norms = 1.0

  /// Equal rates.
  public init() {}

  /// The section `optimizer.learning-rate-factors`.
  public static var settings: [Setting<Self>] {
    [
      Setting("embeddings", \.embeddings, "of the token embedding and the output head", .atLeast(0)),
      Setting("attention", \.attention, "of the projections of attention", .atLeast(0)),
      Setting("mlp", \.mlp, "of the matrices of the MLP", .atLeast(0)),
      Setting("norms", \.norms, "of the weights of the norms", .atLeast(0)),
    ]
  }
}
