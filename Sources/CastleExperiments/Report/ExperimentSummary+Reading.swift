import CastleFormats
import Foundation

extension ExperimentSummary {
  /// What the results and runs in `folder` say.
  ///
  /// - Throws: ``InputError`` if one of them was made with other settings, or is damaged.
  package init(_ folder: ExperimentFolder) throws {
    var results: [CellResult] = []
    var failures: [(cell: String, reason: String)] = []
    for cell in folder.experiment.cells {
      try folder.checkIdentity(cell)
      if let history = try folder.history(cell) { results.append(history) }
      if case .failed(let reason) = try folder.state(cell) { failures.append((cell.name, reason)) }
    }
    self.init(folder.experiment, results: results, failures: failures)
  }

  /// What results say that were collected in `path`.
  ///
  /// - Throws: ``InputError`` if one is another experiment's, or damaged.
  package init(_ experiment: Experiment, collectedIn path: String) throws {
    guard FilePath.isFolder(path) else {
      throw InputError("there is no folder \(path): name one that castle experiment collect has made")
    }
    let results = try experiment.cells.compactMap { cell -> CellResult? in
      let file = "\(path)/\(cell.name).json"
      guard let result = try CellResult.read(ifPresent: file) else { return nil }
      guard result.experiment == experiment.name, result.cell == cell.name else {
        throw InputError(
          "\(file) is the cell \(result.cell) of the experiment \(result.experiment), not \(cell.name) of "
            + "\(experiment.name): name the folder of this experiment's results")
      }
      return result
    }
    self.init(experiment, results: results, failures: [])
  }
}
