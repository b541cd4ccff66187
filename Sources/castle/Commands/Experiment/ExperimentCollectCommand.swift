import ArgumentParser
import CastleExperiments
import CastleFormats
import Foundation

/// `castle experiment collect`: the results without the runs.
struct ExperimentCollectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect",
    abstract: "Copy the results of finished runs into a folder, one small JSON file each.",
    discussion: """
      Reports can be made from these files without the runs, so they can be kept in a repository.

      EXAMPLES
        castle experiment collect Experiments/quick.yaml \\
          --data text=data/books --into Experiments/results/quick
      """)

  @OptionGroup var options: ExperimentOptions

  @Option(help: ArgumentHelp("Where the files go.", valueName: "folder"), transform: FilePath.expanded)
  var into: String

  func run() throws {
    let folder = try options.folder()
    var count = 0
    for cell in folder.experiment.cells {
      try folder.checkIdentity(cell)
      guard FilePath.exists(folder.result(cell)) else { continue }
      let bytes = try MappedFile(path: folder.result(cell)).withBytes { Array($0) }
      try AtomicFile.write(bytes, path: "\(into)/\(cell.name).json")
      count += 1
    }
    guard count > 0 else {
      throw InputError("no cell of \(folder.experiment.name) in \(folder.path) is finished")
    }
    print("\(into): \(NumberFormat.count(count, "result")) of \(folder.experiment.cells.count)")
  }
}
