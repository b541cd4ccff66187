/// The learning rate over the run.
public struct ScheduleSettings: ConfigurationSection {
  /// What comes after the warm-up.
  public var kind = LearningRateSchedule.Kind.cosine
  /// The number of steps that the rate rises; nil for a tenth of the run, at most 100.
  public var warmUp: Int?
  /// The number of steps at the end that the rate falls, for warm-up-stable-decay.
  public var decay = 0
  /// The last learning rate relative to the peak.
  public var floor = 0.1

  /// The default settings.
  public init() {}

  /// The section `schedule`.
  public static var settings: [Setting<Self>] {
    [
      Setting("kind", \.kind, LearningRateSchedule.Kind.expectation),
      Setting(
        "warm-up", \.warmUp,
        "steps over which the rate rises to its peak; null: a tenth of the run, at most 100",
        .ifPresent(.atLeast(0))),
      Setting(
        "decay", \.decay, "steps at the end over which warm-up-stable-decay falls to the floor",
        .atLeast(0)),
      Setting("floor", \.floor, "last learning rate relative to the peak", .within(0...1)),
    ]
  }
}
