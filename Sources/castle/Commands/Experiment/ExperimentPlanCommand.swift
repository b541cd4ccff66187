import ArgumentParser
import CastleExperiments
import CastleFormats

/// `castle experiment plan`: what an experiment takes.
struct ExperimentPlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Print the runs of an experiment with their tokens, parameters, memory and time.",
    discussion: """
      Times come from the speed of runs in the folder, of the same model if there are some; before there are \
      any, they are the least that the machine's rate of matrix products allows, marked with ≥.

      EXAMPLES
        castle experiment plan Experiments/quick.yaml --data text=data/books
      """)

  @OptionGroup var options: ExperimentOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backendOptions: BackendOptions

  func run() throws {
    let folder = try options.folder()
    try folder.checkTasks()
    let estimates = try options.estimates(in: folder, on: backendOptions.makeBackend())
    print(json ? ExperimentTable.json(folder, estimates).text : ExperimentTable.plan(folder, estimates))
  }
}
