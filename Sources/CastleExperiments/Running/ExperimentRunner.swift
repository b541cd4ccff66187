import CastleCorpus
import CastleEvaluation
import CastleFormats
import CastleModel
package import CastleOperations
import CastleReports
import CastleSystem
package import CastleTraining
import Foundation

/// Who is told how an experiment goes on.
package protocol ExperimentProgress: AnyObject {
  /// Something worth saying once.
  func note(_ text: String)
  /// A cell begins or goes on; the progress of its training is told to what is returned.
  func begin(_ cell: ExperimentCell, number: Int, of count: Int) -> any TrainingProgress
  /// A finished model is measured.
  func scoring(_ cell: ExperimentCell, _ score: String, share: Double)
  /// A cell is trained and scored.
  func finished(_ cell: ExperimentCell, _ result: CellResult)
  /// A cell failed.
  func failed(_ cell: ExperimentCell, reason: String)
}

/// Does the cells of an experiment, one after another. Several may work in one folder.
package final class ExperimentRunner {
  /// How the work ended.
  package enum Outcome: Sendable, Hashable {
    /// There is nothing left that this runner could do. The names of cells that failed, now or before, and of those that others
    /// work on.
    case done(failed: [String], taken: [String])
    /// Someone asked to end; the cell can be resumed.
    case interrupted
  }

  private let folder: ExperimentFolder
  private let backend: any Backend
  private let progress: any ExperimentProgress
  private let isInterrupted: () -> Bool

  /// A runner in `folder`. `isInterrupted` is
  /// asked between steps.
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
  /// - Throws: ``InputError`` if the folder is another experiment's, a cell there was made with other settings, or the folder
  ///   cannot be written. An error in a cell is that cell's.
  package func run(_ cells: [ExperimentCell], retriesFailed: Bool = false) throws -> Outcome {
    for cell in cells { try folder.checkIdentity(cell) }
    try checkTexts(of: cells)
    try folder.take()
    var failed: [String] = []
    var taken: [String] = []
    for cell in cells {
      if isInterrupted() { return .interrupted }
      guard let claim = try CellClaim(folder.claim(cell)) else {
        taken.append(cell.name)
        continue
      }
      defer { withExtendedLifetime(claim) {} }
      switch try folder.state(cell, isClaimed: true) {
      case .finished: continue
      case .failed(let reason) where !retriesFailed:
        progress.failed(cell, reason: reason)
        failed.append(cell.name)
      default:
        guard let isDone = try complete(cell) else { return .interrupted }
        if !isDone { failed.append(cell.name) }
      }
    }
    return .done(failed: failed, taken: taken)
  }

  /// Checks that finished cells were trained on the texts that the others will be. Those under way check it themselves.
  private func checkTexts(of cells: [ExperimentCell]) throws {
    for cell in cells {
      guard let text = try CellResult.read(ifPresent: folder.result(cell))?.text,
        try TrainingText(folder.configuration(cell).data).fingerprint != text
      else { continue }
      throw InputError(
        "\(folder.result(cell)) was trained on another text than --data names now: name that one, or choose another --output"
      )
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
      progress.failed(cell, reason: error.description)
      return false
    }
  }

  private func result(of cell: ExperimentCell) throws -> CellResult? {
    let configuration = try folder.configuration(cell)
    if var result = try CellResult.read(ifPresent: folder.result(cell)) {
      // Trained before, and the experiment has come to ask for more.
      let model = try LanguageModel(folder: configuration.output + "/model", backend: backend)
      guard let scores = try scores(of: model, configuration, cell, known: result.scores) else { return nil }
      result.scores = scores
      return result
    }
    let isBegun = FilePath.exists(configuration.output + "/config.yaml")
    let number = (folder.experiment.cells.firstIndex(of: cell) ?? 0) + 1
    let trainer = try Trainer(
      configuration, resumes: isBegun, backend: backend,
      progress: progress.begin(cell, number: number, of: folder.experiment.cells.count),
      isInterrupted: isInterrupted)
    guard try trainer.run() == .finished,
      let scores = try scores(of: trainer.model, trainer.configuration, cell, known: [:])
    else { return nil }
    var result = try CellResult(
      cell, experiment: folder.experiment.name,
      settings: trainer.configuration.portableValues(texts: folder.texts),
      history: RunHistory(folder: configuration.output), trainer: trainer)
    result.scores = scores
    return result
  }

  /// What the experiment measures on a finished model, without what is `known`; nil if someone asked to end.
  private func scores(
    of model: LanguageModel, _ configuration: TrainingConfiguration, _ cell: ExperimentCell,
    known: [String: CellResult.Score]
  ) throws -> [String: CellResult.Score]? {
    var scores = known
    let tokenizer = try TrainingText(configuration.data).tokenizer
    for score in folder.experiment.scores where known[score.name] == nil {
      let path = FilePath.expanded(try SettingOverride.fill(score.data, from: folder.texts))
      let text = try EvaluationText(path: path, tokenizer: tokenizer, limit: score.tokens)
      let length = score.length ?? configuration.training.sequenceLength
      let evaluator = try Evaluator(
        model, batch: configuration.training.batchSize, length: length,
        separator: configuration.data.separatesDocuments ? text.separator : nil)
      let result = try evaluator.evaluate(text) { share in
        progress.scoring(cell, score.name, share: share)
        return !isInterrupted()
      }
      guard let result else { return nil }
      scores[score.name] = CellResult.Score(
        loss: result.loss, bitsPerByte: result.bitsPerByte, tokens: result.tokens, length: length)
    }
    return scores
  }
}
