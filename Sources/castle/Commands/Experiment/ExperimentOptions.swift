import ArgumentParser
import CastleExperiments
import CastleFormats
import CastleMeasurement
import CastleOperations

/// Which experiment, where its runs are, and where the texts are that it reads.
struct ExperimentOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The experiment, a YAML file.", valueName: "file"), transform: FilePath.expanded)
  var file: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The folder of the runs (default: runs/ and the experiment's name).", valueName: "folder"),
    transform: FilePath.expanded)
  var output: String?

  @Option(
    help: ArgumentHelp(
      "The folder of a text that the experiment calls ${KEY}. Can be repeated.", valueName: "KEY=folder"))
  var data: [String] = []

  /// The folder of the experiment that the options name.
  func folder() throws -> ExperimentFolder {
    let experiment = try Experiment(path: file)
    return try ExperimentFolder(experiment, path: output ?? "runs/" + experiment.name, texts: texts())
  }

  /// The folder of one of several experiments, which is called like it.
  func folder(of experiment: Experiment) throws -> ExperimentFolder {
    let folder = (output ?? "runs") + "/" + experiment.name
    return try ExperimentFolder(experiment, path: folder, texts: texts())
  }

  /// What the cells of `folder` take on this machine, whose rate of products is measured on `backend`.
  ///
  /// - Throws: ``InputError`` if a cell was made with other settings, or cannot be planned.
  func estimates(in folder: ExperimentFolder, on backend: CPUBackend) throws -> [CellEstimate] {
    for cell in folder.experiment.cells { try folder.checkIdentity(cell) }
    let peakRate = MachinePeaks.productRates(backend, size: 2048, repetitions: 2).max() ?? 0
    return try CellEstimate.all(in: folder, peakRate: peakRate)
  }

  private func texts() throws -> [String: String] {
    try data.reduce(into: [:]) { result, text in
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw InputError("--data \(text): expected KEY=folder, as in --data text=data/books")
      }
      guard result.updateValue(FilePath.expanded(parts[1]), forKey: parts[0]) == nil else {
        throw InputError("--data \(parts[0]) is given twice")
      }
    }
  }

  /// The options as another `castle experiment` takes them.
  func arguments(output: String) -> [String] {
    [file, "--output", output] + data.flatMap { ["--data", $0] }
  }
}
