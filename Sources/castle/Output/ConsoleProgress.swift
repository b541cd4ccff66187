import CastleConsole
import CastleEvaluation
import CastleFormats
import CastleTraining

/// Tells a person, on standard error.
final class ConsoleProgress: TrainingProgress {
  private let line: ProgressLine

  /// Says plain lines at most every `interval` seconds where standard error is not a terminal.
  init(interval: Double = 5) {
    line = ProgressLine(interval: interval)
  }

  /// Shows a line that stays.
  func note(_ text: String) { line.note(text) }

  /// Shows the numbers of the step, those first that a narrow terminal should still show.
  func step(_ metrics: StepMetrics, _ timing: StepTiming, of steps: Int, remaining: Double) {
    let parts = [
      "step \(metrics.step)/\(steps)",
      "loss \(NumberFormat.fixed(metrics.loss, 4))" + (metrics.isSkipped ? " (skipped)" : ""),
      "eta \(NumberFormat.duration(remaining))",
      "\(NumberFormat.grouped(Int(timing.tokensPerSecond))) tok/s",
      "lr \(NumberFormat.scientific(metrics.learningRate))",
      "norm \(NumberFormat.fixed(metrics.gradientNorm, 2))",
      "mem \(NumberFormat.bytes(timing.memory))",
    ]
    line.update(parts.joined(separator: "  "), isDue: metrics.step == steps || metrics.isSkipped)
  }

  /// Shows how far the evaluation is.
  func evaluating(_ set: String, share: Double) {
    line.update("evaluating \(set)  \(NumberFormat.fixed(share * 100, 0)) %")
  }

  /// Shows the result.
  func evaluated(_ metrics: EvaluationMetrics) {
    let result = metrics.result
    let bits = result.bitsPerByte.map { "  bits/byte \(NumberFormat.fixed($0, 3))" } ?? ""
    let rest =
      result.accuracy.map { "  accuracy \(NumberFormat.fixed($0 * 100, 1)) %" }
      ?? "  perplexity \(NumberFormat.fixed(result.perplexity, 2))\(bits)"
    line.note(
      "step \(metrics.step)  \(metrics.set)  loss \(NumberFormat.fixed(result.loss, 4))\(rest)")
  }

  /// Shows the sample.
  func sampled(_ text: String, prompt: String, step: Int) {
    line.note("step \(step)  sample  \(prompt)|\(text.replacing("\n", with: "\n    "))")
  }

  /// Shows where the checkpoint is.
  func saved(_ checkpoint: CheckpointStore.Entry) {
    line.note("step \(checkpoint.step)  saved \(checkpoint.folder)")
  }

  /// Ends the live line.
  func finish() { line.finish() }
}
