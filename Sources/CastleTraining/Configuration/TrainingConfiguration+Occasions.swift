/// Validation.
public struct EvaluationSettings: ConfigurationSection {
  /// The number of steps from one evaluation to the next; 0 evaluates at the end only.
  public var every = 100
  /// The number of tokens that each set is cut to; 0 takes all.
  public var tokens = 100_000
  /// Further sets by name: folders made by `castle prepare`, of which the validation part is read, or the training part
  /// where there is no other.
  public var sets: [String: String] = [:]

  /// The default settings.
  public init() {}

  /// The section `evaluation`.
  public static var settings: [Setting<Self>] {
    [
      Setting("every", \.every, "steps between evaluations; 0: only at the end", .atLeast(0)),
      Setting("tokens", \.tokens, "tokens taken from each set; 0: all", .atLeast(0)),
      Setting("sets", \.sets, "further sets, name: folder made by castle prepare"),
    ]
  }
}

/// Saving.
public struct CheckpointSettings: ConfigurationSection {
  /// The number of steps from one checkpoint to the next; 0 saves at the end, when interrupted, and what ``keepsBest`` asks
  /// for only.
  public var every = 100
  /// Whether there is a checkpoint of the lowest validation loss, which `best` points to: then every evaluation with a loss
  /// lower than all before saves one.
  public var keepsBest = true
  /// The number of newest checkpoints that stay on disk.
  public var keep = 2

  /// The default settings.
  public init() {}

  /// The section `checkpoints`.
  public static var settings: [Setting<Self>] {
    [
      Setting(
        "every", \.every, "steps between checkpoints; 0: only at the end, when interrupted, and the best",
        .atLeast(0)),
      Setting(
        "best", \.keepsBest,
        "whether every evaluation with the lowest loss so far saves a checkpoint, called best"),
      Setting("keep", \.keep, "newest checkpoints that stay on disk; the best stays too", .atLeast(1)),
    ]
  }
}

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
