import CastleFormats
import Foundation

/// How a run starts: anew, from where it was interrupted, or from a checkpoint of another run.
package struct RunStart {
  /// The folder of the run.
  package let output: String
  /// Whether to go on where the run in the folder was interrupted, if it has a checkpoint.
  package let resumes: Bool
  /// The folder of the checkpoint of another run to branch from, where the run has no checkpoint of its own.
  package let checkpoint: String?

  /// The settings with which the run, or the one it branches from, has been trained so far.
  private let before: TrainingConfiguration?
  /// Whether ``before`` are the settings of another run.
  private let isBranch: Bool
  /// The settings with which the newest checkpoint in the folder was saved.
  private let saved: TrainingConfiguration?

  /// Reads the settings so far.
  package init(output: String, resumes: Bool, checkpoint: String?) throws {
    self.output = output
    self.resumes = resumes
    self.checkpoint = checkpoint
    let own = output + "/" + RunFolder.configurationName
    let entries = resumes ? CheckpointStore(run: output).entries : []
    saved = entries.lazy.compactMap { try? Self.settings(ofCheckpoint: $0.folder) }.first
    if resumes, FilePath.exists(own) {
      before = try TrainingConfiguration(path: own)
      isBranch = false
    } else if let saved {
      before = saved
      isBranch = false
    } else {
      before = try checkpoint.map(Self.settings)
      isBranch = checkpoint != nil
    }
  }

  /// The settings of the run that saved a checkpoint.
  private static func settings(ofCheckpoint folder: String) throws -> TrainingConfiguration {
    let names = [FileHashes.fileName, TrainingState.fileName, RunFolder.checkpointConfigurationName]
    for name in names where !FilePath.exists(folder + "/" + name) {
      throw InputError(
        subject: "\(folder)", problem: "is no checkpoint of a run: it has no \(name)",
        remedy: "name a folder such as runs/first/checkpoints/step-00000100")
    }
    return try TrainingConfiguration(path: folder + "/" + RunFolder.checkpointConfigurationName)
  }

  /// `configuration` as it takes effect: a warm-up that is not given is that with which the run began, or
  /// that of a run of `steps` steps.
  ///
  /// - Throws: ``InputError`` if a setting has changed that a run must keep. `note` gets other
  ///   changes.
  func inEffect(
    _ configuration: TrainingConfiguration, steps: Int, note: (String) -> Void
  ) throws -> TrainingConfiguration {
    var result = configuration
    if result.schedule.warmUp == nil {
      result.schedule.warmUp = before?.schedule.warmUp.map { min($0, steps) } ?? result.warmUpSteps(of: steps)
    }
    try result.check(steps: steps)
    if let saved { try compare(result, with: saved, note: { _ in }) }
    if let before { try compare(result, with: before, note: note) }
    return result
  }

  /// Settings that a run must share with its beginning; all others may change.
  private static let fixed = [
    "seed", "data.separates-documents", "training.batch-size", "training.accumulation",
    "training.sequence-length",
  ]

  private static func isFixed(_ path: String) -> Bool {
    fixed.contains(path) || path.hasPrefix("model.") || path.hasPrefix("data.probe.")
      || (path.hasPrefix("data.mixture.") && path.hasSuffix(".weight"))
  }

  private func compare(
    _ configuration: TrainingConfiguration, with before: TrainingConfiguration, note: (String) -> Void
  ) throws {
    let old = Dictionary(before.entries.map { ($0.path, $0.value) }) { $1 }
    let new = Dictionary(configuration.entries.map { ($0.path, $0.value) }) { $1 }
    let added = configuration.entries.map(\.path).filter { old[$0] == nil }
    for path in before.entries.map(\.path) + added where old[path] != new[path] {
      if Self.isFixed(path) {
        throw InputError(
          subject: "\(path)",
          problem:
            "was \(old[path] ?? "not set") when this run began and cannot become \(new[path] ?? "unset")",
          remedy: "start a new run in another output")
      }
      if path != "output" || !isBranch {
        note("changed since the run began: \(path) from \(old[path] ?? "none") to \(new[path] ?? "none")")
      }
    }
  }

  /// Tells `note` if the learning rate jumps after step `step`: if the next step has another than the
  /// settings so far would have given it. A run that was at its end would have stayed where it ended.
  func noteRate(
    _ configuration: TrainingConfiguration, steps: Int, after step: Int, sequenceCount: Int,
    note: (String) -> Void
  ) {
    guard step > 0, step < steps, let before, let oldSteps = try? before.steps(sequenceCount: sequenceCount)
    else { return }
    func rate(_ configuration: TrainingConfiguration, _ steps: Int, at step: Int) -> Double {
      configuration.optimizer.learningRate
        * configuration.learningRateSchedule(steps: steps).factor(step: step)
    }
    let expected = rate(before, oldSteps, at: min(step + 1, oldSteps))
    let next = rate(configuration, steps, at: step + 1)
    guard abs(next - expected) > 0.01 * max(next, expected) else { return }
    let last = rate(before, oldSteps, at: min(step, oldSteps))
    note(
      "the learning rate goes from \(NumberFormat.scientific(last)) at step \(step) to "
        + "\(NumberFormat.scientific(next)) at step \(step + 1); optimizer.learning-rate and schedule set it")
  }
}
