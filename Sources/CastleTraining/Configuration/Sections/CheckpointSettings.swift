/// Saving.
public struct CheckpointSettings: ConfigurationSection {
  /// The number of steps from one checkpoint to the next; 0 saves at the end, when interrupted, and what
  /// ``keepsBest`` and ``permanentEvery`` ask for only.
  public var every = 100
  /// Whether there is a checkpoint of the lowest validation loss, which `best` points to: then every
  /// evaluation with a loss lower than all before saves one.
  public var keepsBest = true
  /// The number of newest checkpoints that stay on disk.
  public var keep = 2
  /// The number of steps from one checkpoint that is never removed to the next; 0 has none.
  public var permanentEvery = 0

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
      Setting(
        "keep", \.keep, "newest checkpoints that stay on disk; the best and permanent ones stay too",
        .atLeast(1)),
      Setting(
        "permanent-every", \.permanentEvery, "steps between checkpoints that are never removed; 0: none",
        .atLeast(0)),
    ]
  }
}
