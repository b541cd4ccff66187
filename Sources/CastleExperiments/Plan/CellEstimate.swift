import CastleCorpus
import CastleFormats
package import CastleTraining

/// What a cell will take.
package struct CellEstimate: Sendable {
  /// The cell.
  package let cell: ExperimentCell
  /// Parameters, tokens, memory.
  package let plan: TrainingPlan
  /// How far the cell is.
  package let state: ExperimentFolder.CellState
  /// The part of its steps that is done.
  package let share: Double
  /// The seconds from beginning to end.
  package let seconds: Double
  /// Whether the seconds come from cells that were trained on this folder's machine, not from its rate of
  /// matrix products.
  package let isMeasured: Bool

  /// The seconds that are left.
  package var remaining: Double {
    switch state {
    case .finished, .failed: 0
    case .missing, .running, .interrupted: seconds * (1 - share)
    }
  }

  /// Estimates every cell of `folder`: from the speed of cells with the same model that have done some steps,
  /// or of the others by the operations of a token, or from `peakRate`, the machine's rate of matrix
  /// products.
  package static func all(in folder: ExperimentFolder, peakRate: Double) throws -> [CellEstimate] {
    let rows = try folder.experiment.cells.map { cell in
      let configuration = try folder.configuration(cell)
      do {
        return Row(
          cell: cell, plan: try TrainingPlan(configuration),
          state: try folder.state(cell), history: try folder.history(cell))
      } catch let error as InputError {
        throw error.within("\(folder.experiment.source): cell \(cell.name)")
      }
    }
    let speed = Speed(rows)
    return rows.map { row in
      // What another cell has done before the branch is not done again.
      let before = Double((row.cell.branch?.step ?? 0) * row.plan.tokensPerStep)
      let tokens = max(1, Double(row.plan.totalTokens) - before)
      let part = tokens / Double(row.plan.totalTokens)
      let seconds = speed.seconds(row.plan).map { part * $0 }
      return CellEstimate(
        cell: row.cell, plan: row.plan, state: row.state,
        share: max(0, min(1, (Double(row.history?.tokens ?? 0) - before) / tokens)),
        seconds: seconds ?? part * row.plan.operations / peakRate, isMeasured: seconds != nil)
    }
  }

  private struct Row {
    let cell: ExperimentCell
    let plan: TrainingPlan
    let state: ExperimentFolder.CellState
    let history: CellResult?
  }

  /// Seconds of a token by model, and of an operation over all.
  private struct Speed {
    private struct Sum {
      var seconds = 0.0
      var amount = 0.0
      var perUnit: Double? { amount > 0 && seconds > 0 ? seconds / amount : nil }
    }

    private var models: [Double: Sum] = [:]
    private var all = Sum()

    init(_ rows: [Row]) {
      for row in rows {
        guard let history = row.history, history.steps > 1 else { continue }
        models[row.plan.operationsPerToken, default: Sum()].seconds += history.seconds
        models[row.plan.operationsPerToken, default: Sum()].amount += Double(history.tokens)
        all.seconds += history.seconds
        all.amount += Double(history.tokens) * row.plan.operationsPerToken
      }
    }

    func seconds(_ plan: TrainingPlan) -> Double? {
      let tokens = Double(plan.totalTokens)
      if let own = models[plan.operationsPerToken]?.perUnit { return own * tokens }
      return all.perUnit.map { $0 * plan.operationsPerToken * tokens }
    }
  }
}
