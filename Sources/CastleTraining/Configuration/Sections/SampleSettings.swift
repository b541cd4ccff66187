/// Text written during training.
public struct SampleSettings: ConfigurationSection {
  /// The number of steps from one round of samples to the next; 0 writes none.
  public var every = 0
  /// What the samples begin with.
  public var prompts: [String] = []
  /// The number of tokens of a sample.
  public var maximumTokens = 100
  /// How freely tokens are drawn.
  public var temperature = 0.8

  /// The default settings.
  public init() {}

  /// The section `samples`.
  public static var settings: [Setting<Self>] {
    [
      Setting("every", \.every, "steps between samples; 0: none", .atLeast(0)),
      Setting("prompts", \.prompts, "beginnings of samples; none: a new document"),
      Setting("max-tokens", \.maximumTokens, "tokens of a sample", .within(1...1_000_000)),
      Setting("temperature", \.temperature, "0 always takes the likeliest token", .within(0...100)),
    ]
  }
}
