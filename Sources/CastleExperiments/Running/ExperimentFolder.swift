import CastleFormats
import CastleReports
package import CastleTraining
import Foundation

/// The folder of an experiment.
///
///     experiment.json      whose folder it is
///     cells/NAME           the run of a cell, as `castle train` makes it
///     results/NAME.json    what is left of a finished cell: losses, scores, settings, versions
///     failures/NAME.json   why a cell failed
///     claims/NAME          the lock of whoever works on a cell
package struct ExperimentFolder: Sendable {
  /// The experiment.
  package let experiment: Experiment
  /// The folder.
  package let path: String
  /// The prepared texts by the names that the experiment gives them.
  package let texts: [String: String]

  /// How far a cell is.
  package enum CellState: Sendable, Hashable {
    /// Nothing is done.
    case missing
    /// The run goes on, or waits for its scores, in this or another process.
    case running
    /// The run ended before its end and can be resumed, or the experiment asks for scores that are missing.
    case interrupted
    /// The cell failed for the reason given.
    case failed(String)
    /// Trained and scored.
    case finished
  }

  /// The folder `path` of `experiment`, which need not be there.
  ///
  /// - Throws: ``InputError`` if it is the folder of another experiment.
  package init(_ experiment: Experiment, path: String, texts: [String: String]) throws {
    self.experiment = experiment
    self.path = path
    self.texts = texts
    guard let owner = try Owner.read(ownerPath), owner.experiment != experiment.name else { return }
    throw InputError(
      subject: "\(path)", problem: "holds the experiment \(owner.experiment), not \(experiment.name)",
      remedy: "choose another \(.outputFolder)")
  }

  /// The folder of a cell's run.
  package func run(_ cell: ExperimentCell) -> String { "\(path)/cells/\(cell.name)" }

  private func settingsPath(_ cell: ExperimentCell) -> String {
    run(cell) + "/" + RunFolder.configurationName
  }

  private func claimPath(_ cell: ExperimentCell) -> String { "\(path)/claims/\(cell.name)" }

  /// The right to work on a cell; nil if another process has it.
  ///
  /// - Throws: ``InputError`` if there can be no lock.
  func claim(_ cell: ExperimentCell) throws -> FileLock? {
    try AtomicFolder.makeFolder("\(path)/claims")
    return try FileLock(path: claimPath(cell))
  }

  package func result(_ cell: ExperimentCell) -> String { "\(path)/results/\(cell.name).json" }

  private func failure(_ cell: ExperimentCell) -> String { "\(path)/failures/\(cell.name).json" }

  private var ownerPath: String { path + "/experiment.json" }

  /// The settings of a cell's run.
  package func configuration(_ cell: ExperimentCell) throws -> TrainingConfiguration {
    do {
      let configuration = try cell.configuration(output: run(cell), texts: texts)
      if let branch = cell.branch { try check(branch, of: cell) }
      return configuration
    } catch let error as InputError {
      throw error.within("\(experiment.source)")
    }
  }

  /// Throws unless the other cell keeps a checkpoint where `cell` branches from it.
  private func check(_ branch: CellBranch, of cell: ExperimentCell) throws {
    let origin = try experiment.cell(branch.cell)
    let settings = try origin.configuration(output: run(origin), texts: texts)
    let every = settings.checkpoints.permanentEvery
    guard every > 0, branch.step.isMultiple(of: every) else {
      throw InputError(
        "cell \(cell.name): \(origin.name) keeps no checkpoint after step \(branch.step): set its "
          + "checkpoints.permanent-every to \(branch.step) or a divisor of it")
    }
    if let steps = settings.steps, steps < branch.step {
      throw InputError(
        "cell \(cell.name): \(origin.name) has \(steps) steps, but branch.step is \(branch.step)")
    }
  }

  /// The checkpoint at which a cell branches, if it is there yet.
  func checkpoint(_ branch: CellBranch) throws -> String? {
    let store = CheckpointStore(run: run(try experiment.cell(branch.cell)))
    return store.entries.first { $0.step == branch.step }?.folder
  }

  /// Makes the folder the experiment's, if it is not yet.
  func take() throws {
    try AtomicFolder.makeFolder(path)
    guard try Owner.read(ownerPath) == nil else { return }
    let present = FilePath.entries(ofFolder: path) ?? []
    if let stranger = present.first(where: {
      !["cells", "experiment.json"].contains($0) && !$0.hasPrefix(".")
    }) {
      throw InputError(
        subject: "\(path)", problem: "holds \(stranger) and no experiment",
        remedy: "choose another \(.outputFolder)")
    }
    try Owner(experiment: experiment.name).write(ownerPath)
  }

  /// Checks that what is there of a cell was made with the settings that the experiment gives it now.
  ///
  /// - Throws: ``InputError`` with the first setting that differs.
  package func checkIdentity(_ cell: ExperimentCell) throws {
    let planned = try configuration(cell)
    let difference: CellIdentity.Difference?
    let place: String
    if let result = try CellResult.read(ifPresent: result(cell)) {
      place = self.result(cell)
      guard result.branch == cell.branch?.text else {
        throw InputError(
          subject: "\(place)",
          problem: "branched from \(result.branch ?? "nothing"), "
            + "but \(experiment.source) now says \(cell.branch?.text ?? "nothing")",
          remedy: "choose another \(.outputFolder), or remove what is there of the cell \(cell.name)")
      }
      difference = CellIdentity.difference(planned, result.settings, texts: texts)
    } else if FilePath.exists(settingsPath(cell)) {
      place = run(cell)
      let present = try TrainingConfiguration(path: settingsPath(cell))
      difference = CellIdentity.difference(planned, present.portableValues(texts: texts), texts: texts)
    } else {
      return
    }
    guard let difference else { return }
    throw InputError(
      subject: "\(place)",
      problem: "was made with \(difference.setting) \(difference.present), "
        + "but \(experiment.source) now says \(difference.planned)",
      remedy: "choose another \(.outputFolder), or remove what is there of the cell \(cell.name)")
  }

  /// How far a cell is. Whoever has its claim says so.
  package func state(_ cell: ExperimentCell, isClaimed: Bool = false) throws -> CellState {
    let result = try CellResult.read(ifPresent: result(cell))
    if let result, experiment.scores.allSatisfy({ result.scores[$0.name] != nil }),
      experiment.tasks.allSatisfy({ result.tasks?[$0.name] != nil })
    {
      return .finished
    }
    if !isClaimed && FileLock.isTaken(claimPath(cell)) { return .running }
    if let failure = try Failure.read(failure(cell)) { return .failed(failure.reason) }
    return FilePath.exists(settingsPath(cell)) ? .interrupted : .missing
  }

  /// What is known of a cell's losses: of its result if it is finished, of its run if that has begun.
  package func history(_ cell: ExperimentCell) throws -> CellResult? {
    if let result = try CellResult.read(ifPresent: result(cell)) { return result }
    guard FilePath.exists(settingsPath(cell)) else { return nil }
    let history = try RunHistory(ifBegun: run(cell))
    return history.flatMap { history in
      try? CellResult(
        cell, experiment: experiment.name, settings: configuration(cell).portableValues(texts: texts),
        history: history, trainer: nil)
    }
  }

  func remember(_ reason: String, of cell: ExperimentCell) throws {
    try Failure(cell: cell.name, reason: reason).write(failure(cell))
  }

  func forgetFailure(of cell: ExperimentCell) {
    try? FilePath.remove(failure(cell))
  }

  private struct Owner: JSONFile {
    var experiment: String
  }

  private struct Failure: JSONFile {
    var cell: String
    var reason: String
  }
}
