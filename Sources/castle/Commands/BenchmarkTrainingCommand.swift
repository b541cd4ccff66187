import ArgumentParser
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleTraining

/// `castle benchmark training`.
struct BenchmarkTrainingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "training",
    abstract: "Time steps of training, whole and split into parts, against this run's roofline.",
    discussion: """
      The steps are those of castle train, on random tokens; nothing is saved. Loss and gradients of a small \
      model of the same kind are first compared with the reference, and nothing is timed if they are wrong.

      Each line gives a part's median time, its roofline bound (operations over the measured matrix-product \
      rate, or the bytes that must be read and written over the measured copy bandwidth; less where the data \
      are in a cache), bound over time, and its share of the step. The bound of the whole step counts 6 \
      operations for each number of a matrix and token, and attention. "other" is the step less its parts.

      All settings of castle train that concern model, training and optimizer have their effect; those about \
      data, output, evaluation and checkpoints have none.

      EXAMPLES
        castle benchmark training --model 10m-castle
        castle benchmark training --model s-castle --batch-size 1 --length 1024 \\
          --recompute --repetitions 3
        castle benchmark training --model 10m-causal --set model.layers=6 \\
          --set model.hidden-size=448 --set model.vocabulary-size=8192 \\
          --set model.tied-embeddings=false
      """)

  @Option(help: ArgumentHelp("The model (castle presets).", valueName: "preset"))
  var model: String?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("A YAML file as castle train reads it.", valueName: "file"),
    transform: FilePath.expanded)
  var config: String?

  @Option(
    help: ArgumentHelp("Set one setting, as in model.layers=12. Can be repeated.", valueName: "key=value"))
  var set: [String] = []

  @Option(parsing: .unconditional, help: "Sequences computed at a time (training.batch-size).")
  var batchSize: Int?

  @Option(parsing: .unconditional, help: "Tokens of a sequence (training.sequence-length).")
  var length: Int?

  @Flag(help: "Compute activations again in the backward pass (training.recompute).")
  var recompute = false

  @Option(parsing: .unconditional, help: "How many steps are timed, whole and split.")
  var repetitions = 5

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backend: BackendOptions

  func validate() throws {
    try OptionRange.check("--repetitions", repetitions, BenchmarkCommand.repetitionRange)
    try OptionRange.check("--batch-size", batchSize, 1...65_536)
    try OptionRange.check("--length", length, 2...1_048_576)
  }

  func run() throws {
    let configuration = try settings()
    let benchmark = TrainingBenchmark(
      configuration: configuration, model: try modelConfiguration(configuration),
      backend: try backend.makeBackend(), repetitions: repetitions)
    let report = try benchmark.run()
    print(json ? try JSONOutput.line(report) : TrainingTable.text(report))
  }

  private func settings() throws -> TrainingConfiguration {
    // A run needs both; none of them is used.
    var overrides = ["output=none", "data.shards=none"]
    if let model { overrides.append("model.preset=\(model)") }
    if let batchSize { overrides.append("training.batch-size=\(batchSize)") }
    if let length { overrides.append("training.sequence-length=\(length)") }
    if recompute { overrides.append("training.recompute=true") }
    overrides += set
    return try config.map { try TrainingConfiguration(path: $0, overrides: overrides) }
      ?? TrainingConfiguration(yaml: "", source: "the configuration", overrides: overrides)
  }

  /// The vocabulary is the preset's unless a setting says another.
  private func modelConfiguration(_ configuration: TrainingConfiguration) throws -> ModelConfiguration {
    let settings = configuration.model
    guard settings.startingFolder == nil else {
      let key = settings.initial == nil ? "model.from-causal" : "model.initial"
      throw InputError("\(key) cannot be used here; weights are random")
    }
    let vocabulary =
      try settings.vocabularySize ?? ModelPreset(settings.preset).configuration.vocabularySize
    return try settings.configuration(
      vocabularySize: vocabulary, endOfText: nil, length: configuration.training.sequenceLength)
  }
}
