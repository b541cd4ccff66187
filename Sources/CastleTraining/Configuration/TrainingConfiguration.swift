/// Everything that decides a training run.
///
/// It is read from YAML, changed by overrides such as `training.steps=500`, and written into the run's folder
/// as it took effect. ``entries`` lists every key with its value and meaning.
public struct TrainingConfiguration: ConfigurationSection {
  /// The folder of the run.
  public var output = ""
  /// What initial weights, data order and samples are made from.
  public var seed: UInt64 = 1
  /// The model to train.
  public var model = ModelSettings()
  /// The text to train on.
  public var data = DataSettings()
  /// The length of the run and the size of its steps.
  public var training = StepSettings()
  /// AdamW.
  public var optimizer = OptimizerSettings()
  /// The learning rate over the run.
  public var schedule = ScheduleSettings()
  /// Validation.
  public var evaluation = EvaluationSettings()
  /// Saving.
  public var checkpoints = CheckpointSettings()
  /// Text written during training.
  public var samples = SampleSettings()

  /// The default settings.
  public init() {}

  /// The top level of the configuration file.
  public static var settings: [Setting<Self>] {
    [
      Setting(path: "output", \.output, "folder of the run"),
      Setting("seed", \.seed, "makes the initial weights, the order of the data and the samples"),
      Setting(section: "model", \.model),
      Setting(section: "data", \.data),
      Setting(section: "training", \.training),
      Setting(section: "optimizer", \.optimizer),
      Setting(section: "schedule", \.schedule),
      Setting(section: "evaluation", \.evaluation),
      Setting(section: "checkpoints", \.checkpoints),
      Setting(section: "samples", \.samples),
    ]
  }

  /// Every key with its value and meaning.
  public var entries: [SettingEntry] { entries(under: "") }

  /// The number of tokens of one step.
  public var tokensPerStep: Int { training.batchSize * training.sequenceLength * training.accumulation }
}
