import ArgumentParser
import CastleExperiments
import CastleFormats
import CastleMeasurement

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
    for cell in folder.experiment.cells { try folder.checkIdentity(cell) }
    let backend = try backendOptions.makeBackend()
    let peakRate = MachinePeaks.productRates(backend, size: 2048, repetitions: 2).max() ?? 0
    let estimates = try CellEstimate.all(in: folder, peakRate: peakRate)
    print(
      try json ? ExperimentTable.json(folder, estimates).text : ExperimentTable.status(folder, estimates))
  }
}
