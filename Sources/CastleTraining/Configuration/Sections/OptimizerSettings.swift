/// AdamW (Loshchilov and Hutter, 2019). Weights decay in matrices, the embedding included, and not in the
/// weights of the norms.
public struct OptimizerSettings: ConfigurationSection {
  /// The peak learning rate.
  public var learningRate = 1e-3
  /// Factors of the learning rate by group of weights.
  public var factors = LearningRateFactors()
  /// The decay of the first moment.
  public var beta1 = 0.9
  /// The decay of the second moment.
  public var beta2 = 0.95
  /// What is added to the root of the second moment.
  public var epsilon = 1e-8
  /// How much the weights of matrices shrink per step, relative to the learning rate.
  public var weightDecay = 0.1

  /// The default settings.
  public init() {}

  /// The section `optimizer`.
  public static var settings: [Setting<Self>] {
    [
      Setting("learning-rate", \.learningRate, "peak learning rate", .positive),
      Setting(section: "learning-rate-factors", \.factors),
      Setting("beta1", \.beta1, "decay of the first moment", .belowOne),
      Setting("beta2", \.beta2, "decay of the second moment", .belowOne),
      Setting("epsilon", \.epsilon, "added to the root of the second moment", .positive),
      Setting(
        "weight-decay", \.weightDecay, "decay of matrices, the embedding included, not of norms",
        .atLeast(0)),
    ]
  }
}
