/// Validation.
public struct EvaluationSettings: ConfigurationSection {
  /// The number of steps from one evaluation to the next; 0 evaluates at the end only.
  public var every = 100
  /// The number of tokens that each set is cut to; 0 takes all.
  public var tokens = 100_000
  /// The number of evaluations in a row without a lower validation loss after which the run stops early; 0
  /// never does.
  public var patience = 0
  /// By how much a validation loss must be lower than the lowest before to count for ``patience``.
  public var minimumImprovement = 0.0
  /// Further sets by name: folders made by `castle prepare`, of which the validation part is read, or the
  /// training part where there is no other.
  public var sets: [String: String] = [:]

  /// The default settings.
  public init() {}

  /// The name of the validation part of the training shards.
  public static let ownSet = "validation"

  /// The section `evaluation`.
  public static var settings: [Setting<Self>] {
    [
      Setting("every", \.every, "steps between evaluations; 0: only at the end", .atLeast(0)),
      Setting("tokens", \.tokens, "tokens taken from each set; 0: all", .atLeast(0)),
      Setting(
        "patience", \.patience,
        "evaluations in a row without a lower validation loss that end the run early; 0: never", .atLeast(0)),
      Setting(
        "minimum-improvement", \.minimumImprovement,
        "how much lower than the lowest before a loss must be to count for patience", .atLeast(0)),
      Setting(path: "sets", \.sets, "further sets, name: folder made by castle prepare"),
    ]
  }
}
