/// Who is told how a training run goes on.
public protocol TrainingProgress: AnyObject {
  /// Something worth saying once.
  func note(_ text: String)
  /// A step is done; `remaining` is the estimate of the seconds that the run still takes.
  func step(_ metrics: StepMetrics, _ timing: StepTiming, of steps: Int, remaining: Double)
  /// An evaluation is going on.
  func evaluating(_ set: String, share: Double)
  /// An evaluation is done.
  func evaluated(_ metrics: EvaluationMetrics)
  /// A sample was written.
  func sampled(_ text: String, prompt: String, step: Int)
  /// A checkpoint is on the disk.
  func saved(_ checkpoint: CheckpointStore.Entry)
}

/// Tells nobody.
public final class SilentProgress: TrainingProgress {
  /// Makes one.
  public init() {}
  /// Does nothing.
  public func note(_ text: String) {}
  /// Does nothing.
  public func step(_ metrics: StepMetrics, _ timing: StepTiming, of steps: Int, remaining: Double) {}
  /// Does nothing.
  public func evaluating(_ set: String, share: Double) {}
  /// Does nothing.
  public func evaluated(_ metrics: EvaluationMetrics) {}
  /// Does nothing.
  public func sampled(_ text: String, prompt: String, step: Int) {}
  /// Does nothing.
  public func saved(_ checkpoint: CheckpointStore.Entry) {}
}

/// Tells a person, on standard error.
public final class ConsoleProgress: TrainingProgress {
  private let line: ProgressLine

  /// Says plain lines at most every `interval` seconds where standard error is not a terminal.
  public init(interval: Double = 5) {
    line = ProgressLine(interval: interval)
  }

  /// Shows a line that stays.
  public func note(_ text: String) { line.note(text) }

  /// Shows the numbers of the step, those first that a narrow terminal should still show.
  public func step(_ metrics: StepMetrics, _ timing: StepTiming, of steps: Int, remaining: Double) {
    let parts = [
      "step \(metrics.step)/\(steps)",
      "loss \(NumberFormat.fixed(metrics.loss, 4))" + (metrics.isSkipped ? " (left out)" : ""),
      "eta \(NumberFormat.duration(remaining))",
      "\(NumberFormat.grouped(Int(timing.tokensPerSecond))) tok/s",
      "lr \(NumberFormat.scientific(metrics.learningRate))",
      "norm \(NumberFormat.fixed(metrics.gradientNorm, 2))",
      "mem \(NumberFormat.bytes(timing.memory))",
    ]
    line.update(parts.joined(separator: "  "), isDue: metrics.step == steps || metrics.isSkipped)
  }

  /// Shows how far the evaluation is.
  public func evaluating(_ set: String, share: Double) {
    line.update("evaluating \(set)  \(NumberFormat.fixed(share * 100, 0)) %")
  }

  /// Shows the result.
  public func evaluated(_ metrics: EvaluationMetrics) {
    let result = metrics.result
    let bits = result.bitsPerByte.map { "  bits/byte \(NumberFormat.fixed($0, 3))" } ?? ""
    line.note(
      "step \(metrics.step)  \(metrics.set)  loss \(NumberFormat.fixed(result.loss, 4))"
        + "  perplexity \(NumberFormat.fixed(result.perplexity, 2))\(bits)")
  }

  /// Shows the sample.
  public func sampled(_ text: String, prompt: String, step: Int) {
    line.note("step \(step)  sample  \(prompt)|\(text.replacing("\n", with: "\n    "))")
  }

  /// Shows where the checkpoint is.
  public func saved(_ checkpoint: CheckpointStore.Entry) {
    line.note("step \(checkpoint.step)  saved \(checkpoint.folder)")
  }

  /// Ends the live line.
  public func finish() { line.finish() }
}
