import ArgumentParser
import CastleExperiments
import CastleFormats

/// `castle experiment status`: what is done, and what is left.
struct ExperimentStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Print how far the runs of an experiment are, and how long the rest will take.",
    discussion: """
      EXAMPLES
        castle experiment status Experiments/quick.yaml --data text=data/books
      """)

  @OptionGroup var options: ExperimentOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backendOptions: BackendOptions

  func run() throws {
    let folder = try options.folder()
    let estimates = try options.estimates(in: folder, on: backendOptions.makeBackend())
    print(
      try json ? ExperimentTable.json(folder, estimates).text : ExperimentTable.status(folder, estimates))
  }
}
