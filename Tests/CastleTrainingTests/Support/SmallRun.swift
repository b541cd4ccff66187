import CastleCluster
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTensors
import CastleTraining
import Foundation

/// A small text, and runs of a small model on it.
struct SmallRun {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try SmallCorpus.prepare(folder, name: "text", seed: 1)
  }

  var shards: String { folder.path + "/text" }

  func path(_ run: String) -> String { folder.path + "/" + run }

  /// The settings of a run of 12 steps that evaluates every 4 and saves every 3, changed by `overrides`.
  func configuration(_ run: String, _ overrides: [String] = []) throws -> TrainingConfiguration {
    let yaml = """
      seed: 7
      output: \(path(run))
      data: {shards: \(shards)}
      model: {preset: 1m-castle, layers: 1, hidden-size: 32, heads: 2, head-size: 8}
      training: {steps: 12, batch-size: 2, sequence-length: 24}
      optimizer: {learning-rate: 1e-2}
      schedule: {warm-up: 2}
      evaluation: {every: 4, tokens: 200}
      checkpoints: {every: 3, keep: 2}
      """
    return try TrainingConfiguration(yaml: yaml, source: "small.yaml", overrides: overrides)
  }

  func trainer(
    _ run: String, _ overrides: [String] = [], resumes: Bool = false, from checkpoint: String? = nil,
    threads: Int = 1, communicator: any Communicator = SingleProcess(),
    progress: any TrainingProgress = SilentProgress(),
    isInterrupted: @escaping () -> Bool = { false }
  ) throws -> Trainer {
    try Trainer(
      configuration(run, overrides), resumes: resumes, branchingFrom: checkpoint.map(path),
      backend: CPUBackend(threads: threads), communicator: communicator, progress: progress,
      isInterrupted: isInterrupted)
  }

  /// Trains until an interrupt before the step after the next `afterSteps`, and returns the last step. There
  /// must be no evaluation before.
  func stepOfInterrupt(
    _ run: String, _ overrides: [String], resumes: Bool = false, afterSteps: Int
  ) throws -> Int? {
    var questions = 0
    let trainer = try trainer(run, overrides, resumes: resumes) {
      questions += 1
      return questions > afterSteps
    }
    return try trainer.run() == .interrupted ? trainer.state.step : nil
  }

  /// The losses that a run has recorded.
  func metrics(_ run: String) throws -> String { try folder.text(run + "/" + RunRecords.metricsName) }
}

extension Trainer {
  /// The numbers of a matrix of the model.
  func numbers(_ matrix: Matrix) -> [Float] {
    [Float](unsafeUninitializedCapacity: matrix.count) {
      model.backend.download(matrix, to: $0)
      $1 = matrix.count
    }
  }

  /// All weights.
  var weights: [Float] { numbers(model.weights) }
}

/// Remembers what was said, and calls back after each step.
final class RecordingProgress: TrainingProgress {
  private(set) var notes: [String] = []
  private(set) var steps: [Int] = []
  private(set) var samples: [String] = []
  private(set) var saves: [Int] = []
  private let afterMetrics: (StepMetrics) throws -> Void

  init(afterMetrics: @escaping (StepMetrics) throws -> Void = { _ in }) {
    self.afterMetrics = afterMetrics
  }

  convenience init(afterStep: @escaping (Int) throws -> Void) {
    self.init(afterMetrics: { try afterStep($0.step) })
  }

  func note(_ text: String) { notes.append(text) }
  func step(_ metrics: StepMetrics, _ timing: StepTiming, of steps: Int, remaining: Double) {
    self.steps.append(metrics.step)
    try? afterMetrics(metrics)
  }
  func evaluating(_ set: String, share: Double) {}
  func evaluated(_ metrics: EvaluationMetrics) {}
  func sampled(_ text: String, prompt: String, step: Int) { samples.append(text) }
  func saved(_ checkpoint: CheckpointStore.Entry) { saves.append(checkpoint.step) }
}

/// What people read of the error that `body` throws.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch {
    return (error as? InputError)?.description ?? "another error: \(error)"
  }
}
