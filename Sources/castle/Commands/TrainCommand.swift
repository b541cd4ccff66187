import ArgumentParser
import CastleEvaluation
import CastleFormats
import CastleMeasurement
import CastleOperations
import CastleSystem
import CastleTraining
import Foundation

/// `castle train`: trains a model on prepared text.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a language model on text made by castle prepare.",
    discussion: """
      The run is a folder: config.yaml (all settings as they took effect), metrics.jsonl (losses), timing.jsonl, event \
      files for TensorBoard, checkpoints, best (the checkpoint with the lowest validation loss) and at the end model.

      Ctrl-C finishes the step, saves and ends; --resume goes on with the same numbers as if nothing had happened. A \
      second Ctrl-C ends at once.

      --resume-from begins a run of its own at a checkpoint of another one: weights, optimizer and place in the text \
      go on, the schedule and the length may be new.

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
        castle train --settings
      """)

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("A YAML file; without one all settings have their defaults.", valueName: "file"))
  var config: String?

  @Option(
    help: ArgumentHelp("Set one setting, as in training.steps=500. Can be repeated.", valueName: "key=value"))
  var set: [String] = []

  @Flag(help: "Go on with an interrupted run; without a checkpoint it begins anew.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "Branch from a checkpoint of another run; with --resume, only if this run has none yet.",
      valueName: "checkpoint"))
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
    let configuration =
      try config.map { try TrainingConfiguration(path: $0, overrides: set) }
      ?? TrainingConfiguration(yaml: "", source: "the configuration", overrides: set)
    try checkFolder(configuration)
    let backend = try backendOptions.makeBackend()
    if dryRun { return try printPlan(configuration, backend: backend) }

    let progress = ConsoleProgress()
    progress.note(backend.summary)
    let trainer = try Trainer(
      configuration, resumes: resume, branchingFrom: resumeFrom, backend: backend, progress: progress)
    progress.note(summary(trainer.plan, peakRate: Self.peakRate(backend)))
    let outcome = try trainer.run()
    progress.finish()
    switch outcome {
    case .finished: printResult(trainer, model: configuration.output + "/model")
    case .interrupted:
      let file = (configuration.output as NSString).appendingPathComponent("config.yaml")
      progress.note(
        "saved after step \(trainer.state.step); continue with: castle train --config \(Self.quoted(file)) --resume"
      )
      if json { printResult(trainer, model: nil) }
    }
  }

  /// A run's own config.yaml names its folder as seen from where the run began: elsewhere, that would be
  /// another folder.
  private func checkFolder(_ configuration: TrainingConfiguration) throws {
    guard resume, let config, (config as NSString).lastPathComponent == "config.yaml" else { return }
    let folder = URL(fileURLWithPath: config).deletingLastPathComponent().resolvingSymlinksInPath().path
    let output = URL(fileURLWithPath: configuration.output).resolvingSymlinksInPath().path
    let isRun = FileManager.default.fileExists(atPath: folder + "/checkpoints")
    guard !isRun || folder == output else {
      throw InputError(
        subject: "\(config)", problem: "lies in the run \(folder), but its output is \(output) from here",
        remedy: "go to the folder where the run began, or add \(.setting("output", folder))")
    }
  }

  /// `path` as a shell takes it for one word.
  private static func quoted(_ path: String) -> String {
    let plain = path.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+=:,@".contains($0)) }
    return plain ? path : "'" + path.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }

  private func printSettings() {
    let entries = TrainingConfiguration().entries
    if json {
      print(
        JSONObject(
          entries.map { entry in
            (
              entry.path,
              .object(JSONObject([("default", .text(entry.value)), ("meaning", .text(entry.help))]))
            )
          }
        ).text)
      return
    }
    let width = entries.map(\.path.count).max() ?? 0
    for entry in entries {
      let gap = String(repeating: " ", count: width - entry.path.count)
      print("\(entry.path)\(gap)  \(entry.help) [\(entry.value)]")
    }
  }

  private func printPlan(_ configuration: TrainingConfiguration, backend: any Backend) throws {
    let plan = try TrainingPlan(configuration)
    let peakRate = Self.peakRate(backend)
    let fields =
      plan.fields + [
        ("operations_per_second", .number(peakRate)), ("least_seconds", .number(plan.operations / peakRate)),
      ]
    print(json ? JSONObject(fields).text : summary(plan, peakRate: peakRate))
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
      JSONObject([
        ("run", .text(trainer.configuration.output)), ("steps", .integer(trainer.state.step)),
        ("finished", .boolean(model != nil)), ("stopped_early", .boolean(trainer.stopsEarly)),
        ("model", model.map { .text($0) } ?? .null),
        ("seconds", .number(trainer.state.seconds)),
        (
          "evaluations",
          .object(
            JSONObject(
              trainer.evaluations.map { row in
                (row.set, .object(row.result.json))
              }))
        ),
      ]).text)
  }
}
