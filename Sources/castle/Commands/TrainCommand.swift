import ArgumentParser
import CastleCluster
import CastleEvaluation
import CastleFormats
import CastleMeasurement
import CastleOperations
import CastleSystem
import CastleTensors
import CastleTraining
import Foundation

/// `castle train`: trains a model on prepared text.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a language model on text made by castle prepare.",
    discussion: """
      The run is a folder: config.yaml (all settings as they took effect), metrics.jsonl (losses), \
      timing.jsonl, event files for TensorBoard, checkpoints, best (the checkpoint with the lowest \
      validation loss) and at the end model.

      Ctrl-C finishes the step, saves and ends; --resume goes on with the same numbers as if nothing had \
      happened. Another Ctrl-C, more than a second later, ends at once.

      --resume-from begins a run of its own at a checkpoint of another one: weights, optimizer and place in \
      the text go on, the schedule and the length may be new.

      Several processes train one model together where mpirun or srun starts castle, built with: \
      make build MPI=1. They share the sequences of every batch; the folder of the run must be where all \
      hosts see it.

      EXAMPLES
        castle train --config Recipes/3m.yaml \\
          --set data.shards=data/books --set output=runs/first
        castle train --config runs/first/config.yaml --resume
        castle train --set data.shards=data/books --set output=runs/tiny \\
          --set model.preset=1m-castle --dry-run
        castle train --config runs/stable/config.yaml --set output=runs/decayed \\
          --resume-from runs/stable/checkpoints/step-00001000 \\
          --set schedule.kind=warm-up-stable-decay --set schedule.decay=200 \\
          --set training.steps=1200
        mpirun -np 4 castle train --config Recipes/3m.yaml \\
          --set data.shards=data/books --set output=runs/first
        castle train --settings
      """)

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("A YAML file; without one all settings have their defaults.", valueName: "file"),
    transform: FilePath.expanded)
  var config: String?

  @Option(
    help: ArgumentHelp("Set one setting, as in training.steps=500. Can be repeated.", valueName: "key=value"))
  var set: [String] = []

  @Flag(help: "Go on with an interrupted run; without a checkpoint it begins anew.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "Branch from a checkpoint of another run; with --resume, only if this run has none yet.",
      valueName: "checkpoint"), transform: FilePath.expanded)
  var resumeFrom: String?

  @Flag(help: "Print what the run would take, and end.")
  var dryRun = false

  @Flag(help: "List all settings with their defaults and meanings, and end.")
  var settings = false

  @Flag(help: "Print the result (or the plan, or the settings) as one JSON object.")
  var json = false

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    guard !settings || (config == nil && set.isEmpty && resumeFrom == nil) else {
      throw ValidationError(
        "--settings lists the defaults; leave out --config, --set and --resume-from "
          + "(a run's config.yaml holds its own settings)"
      )
    }
  }

  func run() throws {
    if settings { return printSettings() }
    Interruption.listen()
    try ClusterSession.run { communicator in
      let configuration =
        try config.map { try TrainingConfiguration(path: $0, overrides: set) }
        ?? TrainingConfiguration(yaml: "", source: "the configuration", overrides: set)
      try checkFolder(configuration)
      try dryRun ? plan(configuration, communicator) : train(configuration, communicator)
    }
  }

  private func plan(_ configuration: TrainingConfiguration, _ communicator: any Communicator) throws {
    let backend = CPUBackend(pool: try backendOptions.makePool(communicator))
    guard communicator.world.isMain else { return }
    try printPlan(configuration, backend: backend, world: communicator.world)
  }

  private func train(_ configuration: TrainingConfiguration, _ communicator: any Communicator) throws {
    let pool = try backendOptions.makePool(communicator)
    let backend = CPUBackend(pool: pool)
    let ranks = try RankSummary(communicator, threads: pool.threadCount)
    guard communicator.world.isMain else {
      let trainer = try Trainer(
        configuration, resumes: resume, branchingFrom: resumeFrom, backend: backend,
        communicator: communicator, progress: SilentProgress())
      _ = try trainer.run()
      return
    }
    let progress = ConsoleProgress()
    progress.note(backend.summary)
    ranks.lines.forEach(progress.note)
    let trainer = try Trainer(
      configuration, resumes: resume, branchingFrom: resumeFrom, backend: backend, communicator: communicator,
      progress: progress)
    progress.note(summary(trainer.plan, peakRate: Self.peakRate(backend)))
    let outcome = try trainer.run()
    progress.finish()
    switch outcome {
    case .finished: printResult(trainer, model: configuration.output + "/" + RunFolder.modelName)
    case .interrupted:
      let file = FilePath.path(RunFolder.configurationName, in: configuration.output)
      progress.note(
        "saved after step \(trainer.state.step); continue with: "
          + "castle train --config \(Self.quoted(file)) --resume"
      )
      if json { printResult(trainer, model: nil) }
    }
  }

  /// A run's own config.yaml names its folder as seen from where the run began: elsewhere, that would be
  /// another folder.
  private func checkFolder(_ configuration: TrainingConfiguration) throws {
    guard resume, let config, FilePath.name(of: config) == RunFolder.configurationName else { return }
    guard let folder = FilePath.resolved(AtomicFile.folder(of: config)) else { return }
    let output = FilePath.resolved(configuration.output) ?? FilePath.absolute(configuration.output)
    guard FilePath.exists(folder + "/checkpoints") else { return }
    guard folder == output else {
      throw InputError(
        subject: "\(config)", problem: "is in the run \(folder), but its output is \(output) from here",
        remedy: "go to the folder where the run began, or add \(.setting("output", folder))")
    }
  }

  /// `path` as a shell takes it for one word.
  private static func quoted(_ path: String) -> String {
    let shown = FilePath.shown(path)
    guard shown == path else { return "$'" + shown.replacing("'", with: "\\'") + "'" }
    let plain = path.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+=:,@".contains($0)) }
    return plain ? path : "'" + path.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }

  private func printSettings() {
    let entries = TrainingConfiguration().entries
    if json {
      print(
        JSONValue.object(
          JSONValue.Members(
            entries.map { entry in
              (entry.path, .object(["default": .string(entry.value), "meaning": .string(entry.help)]))
            })
        ).text)
      return
    }
    let width = entries.map(\.path.count).max() ?? 0
    for entry in entries {
      let gap = String(repeating: " ", count: width - entry.path.count)
      print("\(entry.path)\(gap)  \(entry.help) [\(entry.value)]")
    }
  }

  private func printPlan(
    _ configuration: TrainingConfiguration, backend: any Backend, world: World
  ) throws {
    let plan = try TrainingPlan(configuration, world: world)
    let peakRate = Self.peakRate(backend)
    let members =
      plan.members + [
        "operations_per_second": .number(peakRate), "least_seconds": .number(plan.operations / peakRate),
      ]
    print(json ? JSONValue.object(members).text : summary(plan, peakRate: peakRate))
    try plan.checkMemory()
  }

  /// The machine's rate of matrix products, in operations per second.
  private static func peakRate(_ backend: any Backend) -> Double {
    MachinePeaks.productRates(backend, size: 2048, repetitions: 2).max() ?? 0
  }

  /// The plan, and the time that it takes at least.
  private func summary(_ plan: TrainingPlan, peakRate: Double) -> String {
    plan.summary + "\ntime         at least \(NumberFormat.duration(plan.operations / peakRate)) at "
      + "\(NumberFormat.fixed(peakRate / 1e9, 0)) GFLOP/s, this machine's rate of matrix products"
  }

  private static func score(_ result: EvaluationResult) -> String {
    result.accuracy.map { "accuracy \(NumberFormat.fixed($0 * 100, 1)) %" }
      ?? "perplexity \(NumberFormat.fixed(result.perplexity, 2))"
  }

  private func printResult(_ trainer: Trainer, model: String?) {
    let validation = trainer.evaluations.first?.result
    guard json else {
      let loss = validation.map { ", validation \(Self.score($0))" } ?? ""
      print("\(model ?? ""): \(trainer.state.step) steps\(loss)")
      return
    }
    print(
      JSONValue.object([
        "run": .string(trainer.configuration.output), "steps": .integer(trainer.state.step),
        "finished": .bool(model != nil), "stopped_early": .bool(trainer.stopsEarly),
        "model": model.map { .string($0) } ?? .null, "seconds": .number(trainer.state.seconds),
        "evaluations": .object(
          JSONValue.Members(
            trainer.evaluations.map { ($0.set, $0.result.json) })),
      ]).text)
  }
}
