package import CastleCluster

/// The length of the run and the size of its steps.
public struct StepSettings: ConfigurationSection {
  /// The number of optimizer steps. At most one of this, ``tokens`` and ``epochs`` is set; without any the
  /// run has ``defaultSteps``.
  public var steps: Int?
  /// The number of tokens to train on, rounded up to whole steps.
  public var tokens: Int?
  /// How often the text is to be seen, rounded up to whole steps.
  public var epochs: Double?
  /// The number of sequences that are computed at a time.
  public var batchSize = 8
  /// The number of such batches whose gradients one step adds up.
  public var accumulation = 1
  /// The number of tokens of a sequence.
  public var sequenceLength = defaultSequenceLength
  /// The number of neighboring ranks that share the tokens of the same sequences.
  public var sequenceRanks = 1
  /// Whether the backward pass computes activations again instead of keeping them.
  public var recomputes = false
  /// The largest norm of the whole gradient; 0 does not limit it.
  public var clip = 1.0
  /// Updates whose loss or gradient norm is this many standard deviations above the recent mean are
  /// skipped; 0 skips none.
  public var skipSpikes = 0.0
  /// How ranks send each other gradients.
  public var gradientFormat = GradientFormat.float32
  /// Whether a run that the free memory does not hold is refused; otherwise it is only said.
  public var checksMemory = true

  /// The default settings.
  public init() {}

  /// The steps of a run for which neither steps nor tokens nor epochs are set.
  public static let defaultSteps = 1000

  /// The tokens of a sequence where nothing else is said.
  static let defaultSequenceLength = 512

  /// The most sequences of a batch that one of some groups of ranks computes.
  package func largestShare(of groups: World) -> Int { groups.largestShare(of: batchSize) }

  /// The most steps of a run.
  static let mostSteps = 1_000_000_000

  /// The keys that say how long the run is. One that is set later takes the place of the others.
  static let lengthKeys = ["steps", "tokens", "epochs"]

  /// The section `training`.
  public static var settings: [Setting<Self>] {
    [
      Setting(
        "steps", \.steps, "optimizer steps of the run; null: as tokens or epochs say, or \(defaultSteps)",
        .ifPresent(.within(1...mostSteps))),
      Setting("tokens", \.tokens, "tokens to train on, in place of steps", .ifPresent(.atLeast(1))),
      Setting(
        "epochs", \.epochs, "how often the text is seen, in place of steps", .ifPresent(.positive)),
      Setting("batch-size", \.batchSize, "sequences computed at a time", .within(1...65_536)),
      Setting(
        "accumulation", \.accumulation, "batches whose gradients one step adds up",
        .within(1...65_536)),
      Setting("sequence-length", \.sequenceLength, "tokens of a sequence", .within(2...1_048_576)),
      Setting(
        "sequence-ranks", \.sequenceRanks,
        "neighboring ranks of mpirun that share the tokens of each sequence, for long ones",
        .within(1...65_536)),
      Setting(
        "recompute", \.recomputes,
        "compute activations again in the backward pass: a third more work, far less memory"),
      Setting(
        "clip", \.clip, "largest norm of the gradient; a longer one is shortened; 0: no limit",
        .atLeast(0)),
      Setting(
        "skip-spikes", \.skipSpikes,
        "skip updates whose loss or gradient norm is this many standard deviations above the last "
          + "128; 0: none",
        .atLeast(0)),
      Setting(
        "gradient-format", \.gradientFormat,
        "how ranks of mpirun send each other gradients: \(GradientFormat.expectation)"),
      Setting(
        "check-memory", \.checksMemory,
        "refuse a run that needs more memory than is free; false: only say so"),
    ]
  }
}
