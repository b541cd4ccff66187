import CastleCorpus
import CastleEvaluation
package import CastleFormats
import CastleModel
package import CastleOperations
import CastleReports
import CastleSystem
package import CastleTraining
import Foundation

/// Hears how an experiment goes.
package protocol ExperimentProgress: AnyObject {
  /// Something worth saying once.
  func note(_ text: String)
  /// A cell begins or goes on; what is returned hears the progress of its training.
  func begin(_ cell: ExperimentCell, number: Int, of count: Int) -> any TrainingProgress
  /// A finished model is measured.
  func scoring(_ cell: ExperimentCell, _ score: String, share: Double)
  /// A cell is trained and scored.
  func finished(_ cell: ExperimentCell, _ result: CellResult)
  /// A cell failed.
  func failed(_ cell: ExperimentCell, _ error: InputError)
}

/// Does the cells of an experiment, one after another. Several may work in one folder.
package final class ExperimentRunner {
  /// How the work ended.
  package enum Outcome: Sendable, Hashable {
    /// Nothing is left that this runner could do. The names of cells that failed, now or before, and of those
    /// that others work on.
    case done(failed: [String], taken: [String])
    /// Someone asked to end; the cell can be resumed.
    case interrupted
  }

  let folder: ExperimentFolder
  private let backend: any Backend
  private let progress: any ExperimentProgress
  private let isInterrupted: () -> Bool

  /// A runner in `folder`. `isInterrupted` is asked between steps.
  package init(
    _ folder: ExperimentFolder, backend: any Backend, progress: any ExperimentProgress,
    isInterrupted: @escaping () -> Bool = { Interruption.isRequested }
  ) {
    self.folder = folder
    self.backend = backend
    self.progress = progress
    self.isInterrupted = isInterrupted
  }

  /// Does what is missing of `cells`; those that failed before only if `retriesFailed` is true.
  ///
  /// - Throws: ``InputError`` if the folder is another experiment's, a cell there was made with other
  ///   settings, or the folder cannot be written. An error in a cell is that cell's.
  package func run(_ cells: [ExperimentCell], retriesFailed: Bool = false) throws -> Outcome {
    for cell in cells { try folder.checkIdentity(cell) }
    try checkTexts(of: cells)
    try folder.checkTasks()
    try folder.take()
    var failed: [String] = []
    var taken: [String] = []
    for cell in cells {
      if isInterrupted() { return .interrupted }
      guard try waitForOrigin(of: cell) else { return .interrupted }
      if let branch = cell.branch, !cells.contains(where: { $0.name == branch.cell }),
        try folder.state(cell) != .finished
      {
        // Whoever asked for this one alone can be told what to do first; that is no failure of the cell.
        do { _ = try origin(of: cell) } catch let error as InputError {
          throw InputError("\(cell.name): \(error)")
        }
      }
      guard let claim = try folder.claim(cell) else {
        taken.append(cell.name)
        continue
      }
      defer { withExtendedLifetime(claim) {} }
      switch try folder.state(cell, isClaimed: true) {
      case .finished: continue
      case .failed(let reason) where !retriesFailed:
        progress.failed(cell, InputError(reason))
        failed.append(cell.name)
      default:
        guard let isDone = try complete(cell) else { return .interrupted }
        if !isDone { failed.append(cell.name) }
      }
    }
    return .done(failed: failed, taken: taken)
  }

  /// Waits while another process works on the cell from which `cell` branches. False if someone asked to end.
  private func waitForOrigin(of cell: ExperimentCell) throws -> Bool {
    guard let branch = cell.branch else { return true }
    let origin = try folder.experiment.cell(branch.cell)
    while try folder.checkpoint(branch) == nil, try folder.state(origin) == .running {
      if isInterrupted() { return false }
      Thread.sleep(forTimeInterval: 0.5)
    }
    return true
  }

  /// The checkpoint at which `cell` begins; nil if it begins with random weights, or goes on with its own.
  private func origin(of cell: ExperimentCell) throws -> String? {
    guard let branch = cell.branch else { return nil }
    let store = CheckpointStore(run: folder.run(cell))
    guard store.entries.isEmpty else { return nil }
    guard let checkpoint = try folder.checkpoint(branch) else {
      throw InputError(
        "it branches from \(branch.text), which is not there: "
          + "let castle experiment run do \(branch.cell) first"
      )
    }
    return checkpoint
  }

  /// Checks that finished cells were trained on the texts that the others will be. Those under way check it
  /// themselves.
  private func checkTexts(of cells: [ExperimentCell]) throws {
    for cell in cells {
      guard let text = try CellResult.read(ifPresent: folder.result(cell))?.text,
        try TrainingData(folder.configuration(cell)).fingerprint != text
      else { continue }
      throw InputError(
        subject: "\(folder.result(cell))", problem: "was trained on another text than the one given now",
        remedy: "give that one, or choose another \(.outputFolder)")
    }
  }

  /// Trains and scores a cell. False if it failed, nil if someone asked to end.
  private func complete(_ cell: ExperimentCell) throws -> Bool? {
    folder.forgetFailure(of: cell)
    do {
      guard let result = try result(of: cell) else { return nil }
      try result.write(folder.result(cell))
      progress.finished(cell, result)
      return true
    } catch let error as InputError {
      try folder.remember(error.description, of: cell)
      progress.failed(cell, error)
      return false
    }
  }

  private func result(of cell: ExperimentCell) throws -> CellResult? {
    let configuration = try folder.configuration(cell)
    if let result = try CellResult.read(ifPresent: folder.result(cell)) {
      // Trained before, and the experiment has come to ask for more.
      let model = try LanguageModel(
        folder: configuration.output + "/" + RunFolder.modelName, backend: backend)
      return try measured(result, cell, model, configuration)
    }
    // A branch has a checkpoint before it has settings.
    let isBegun =
      FilePath.exists(configuration.output + "/" + RunFolder.configurationName)
      || !CheckpointStore(run: configuration.output).entries.isEmpty
    let number = (folder.experiment.cells.firstIndex(of: cell) ?? 0) + 1
    let trainer = try Trainer(
      configuration, resumes: isBegun, branchingFrom: origin(of: cell), backend: backend,
      progress: progress.begin(cell, number: number, of: folder.experiment.cells.count),
      isInterrupted: isInterrupted)
    guard try trainer.run() == .finished else { return nil }
    let result = try CellResult(
      cell, experiment: folder.experiment.name,
      settings: trainer.configuration.portableValues(texts: folder.texts),
      history: RunHistory(folder: configuration.output), trainer: trainer)
    return try measured(result, cell, trainer.model, trainer.configuration)
  }

  /// `result` with all that the experiment measures on a finished model; nil if someone asked to end.
  private func measured(
    _ result: CellResult, _ cell: ExperimentCell, _ model: LanguageModel,
    _ configuration: TrainingConfiguration
  ) throws -> CellResult? {
    let experiment = folder.experiment
    guard !experiment.scores.isEmpty || !experiment.tasks.isEmpty else { return result }
    guard let tokenizer = try TrainingData(configuration).text?.tokenizer else {
      throw InputError(
        "a model of data.probe reads no text: leave out evaluate, or the cell")
    }
    let scoring = CellScoring(
      folder: folder, cell: cell, model: model, configuration: configuration, tokenizer: tokenizer,
      progress: progress, isInterrupted: isInterrupted)
    var result = result
    guard let scores = try scoring.scores(known: result.scores) else { return nil }
    result.scores = scores
    guard !experiment.tasks.isEmpty else { return result }
    guard let tasks = try scoring.tasks(known: result.tasks ?? [:]) else { return nil }
    result.tasks = tasks
    return result
  }
}
