/// Hears how a training run goes.
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
