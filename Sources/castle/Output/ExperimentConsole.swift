import CastleConsole
import CastleEvaluation
import CastleExperiments
import CastleFormats
import CastleTraining

/// Tells a person how an experiment goes on, on standard error.
final class ExperimentConsole: ExperimentProgress {
  private let folder: ExperimentFolder
  private let peakRate: Double
  private let line = ProgressLine(interval: 15)

  init(_ folder: ExperimentFolder, peakRate: Double) {
    self.folder = folder
    self.peakRate = peakRate
  }

  func note(_ text: String) { line.note(text) }

  func begin(_ cell: ExperimentCell, number: Int, of count: Int) -> any TrainingProgress {
    let estimates = (try? CellEstimate.all(in: folder, peakRate: peakRate)) ?? []
    let others = estimates.filter { $0.cell != cell && $0.state != .running }.reduce(0) { $0 + $1.remaining }
    line.note("cell \(number) of \(count): \(cell.name)")
    return CellConsole(line, title: "\(number)/\(count) \(cell.name)", others: others)
  }

  func scoring(_ cell: ExperimentCell, _ score: String, share: Double) {
    line.update("\(cell.name)  scoring \(score)  \(NumberFormat.fixed(share * 100, 0)) %")
  }

  func finished(_ cell: ExperimentCell, _ result: CellResult) {
    let scores = result.scores.sorted { $0.key < $1.key }.map { name, score in
      "  \(name) \(NumberFormat.fixed(score.loss, 4))"
    }
    let answers = result.finalScores.sorted { $0.key < $1.key }.map { name, score in
      "  \(name) \(NumberFormat.fixed(100 * score, 1)) %"
    }
    line.note(
      "\(cell.name) finished in \(NumberFormat.duration(result.seconds))\((scores + answers).joined())")
  }

  func failed(_ cell: ExperimentCell, _ error: InputError) {
    line.note("\(cell.name) failed: \(error.text(spelling: CommandLineSpelling.option))")
  }

  /// Ends the live line.
  func finish() { line.finish() }
}

/// Tells nobody how an experiment goes on: what the first rank shows is enough.
final class SilentExperiment: ExperimentProgress {
  func note(_ text: String) {}
  func begin(_ cell: ExperimentCell, number: Int, of count: Int) -> any TrainingProgress { SilentProgress() }
  func scoring(_ cell: ExperimentCell, _ score: String, share: Double) {}
  func finished(_ cell: ExperimentCell, _ result: CellResult) {}
  func failed(_ cell: ExperimentCell, _ error: InputError) {}
}

/// Tells how the training of a cell goes on.
private final class CellConsole: TrainingProgress {
  private let line: ProgressLine
  private let title: String
  private let others: Double

  init(_ line: ProgressLine, title: String, others: Double) {
    self.line = line
    self.title = title
    self.others = others
  }

  func note(_ text: String) { line.note("\(title)  \(text)") }

  func step(_ metrics: StepMetrics, _ timing: StepTiming, of steps: Int, remaining: Double) {
    line.update(
      "\(title)  step \(metrics.step)/\(steps)  loss \(NumberFormat.fixed(metrics.loss, 4))"
        + "  eta \(NumberFormat.duration(remaining)), all \(NumberFormat.duration(remaining + others))"
        + "  \(NumberFormat.grouped(Int(timing.tokensPerSecond))) tok/s",
      isDue: metrics.step == steps)
  }

  func evaluating(_ set: String, share: Double) {
    line.update("\(title)  evaluating \(set)  \(NumberFormat.fixed(share * 100, 0)) %")
  }

  func evaluated(_ metrics: EvaluationMetrics) {
    let accuracy = metrics.result.accuracy.map { "  accuracy \(NumberFormat.fixed(100 * $0, 1)) %" } ?? ""
    line.note(
      "\(title)  step \(metrics.step)  \(metrics.set)  loss \(NumberFormat.fixed(metrics.result.loss, 4))"
        + accuracy)
  }

  func sampled(_ text: String, prompt: String, step: Int) {}
  func saved(_ checkpoint: CheckpointStore.Entry) {}
}
