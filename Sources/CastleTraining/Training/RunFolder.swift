import CastleCorpus
import CastleFormats
import Foundation

/// The folder of a run, new or to be resumed, locked against other trainers.
final class RunFolder {
  /// The folder.
  let path: String
  /// Its checkpoints.
  let store: CheckpointStore
  /// The checkpoint to go on from.
  let checkpoint: CheckpointStore.Entry?
  /// The state to go on from.
  let state: TrainingState
  /// The settings as they take effect: a warm-up that is not given is that with which the run began.
  let configuration: TrainingConfiguration

  private let lock: RunLock

  private static let configurationName = "config.yaml"

  /// Opens or makes the folder.
  init(
    _ configuration: TrainingConfiguration, text: PreparedCorpus, resumes: Bool,
    progress: any TrainingProgress
  ) throws {
    path = configuration.output
    store = CheckpointStore(run: path)
    try AtomicFolder.makeFolder(path)
    // Asked before there is a lock, which would be left in a folder of others, and under it.
    try Self.checkIsRunOrEmpty(path)
    lock = try RunLock(folder: path)
    let isPresent = FileManager.default.fileExists(atPath: path + "/" + Self.configurationName)
    if isPresent && !resumes {
      throw InputError(
        "\(path) holds a run already; continue it with --resume, or choose another folder with --set output=…"
      )
    }
    try Self.checkIsRunOrEmpty(path)
    var state = TrainingState(seed: configuration.seed, text: text.fingerprint)
    if resumes {
      let (entry, damages) = try store.newestIntact()
      damages.forEach { progress.note("warning: \($0); an older checkpoint is used") }
      checkpoint = entry
      if let entry {
        state = try TrainingState(folder: entry.folder)
        guard state.text == text.fingerprint else {
          throw InputError(
            "\(text.folder) is not the text that \(path) was trained on; put the old text back "
              + "or start a new run in another output")
        }
        guard state.step <= configuration.training.steps else {
          throw InputError(
            "training.steps is \(configuration.training.steps), but \(path) has done \(state.step) steps already"
          )
        }
        progress.note("resuming \(path) after step \(state.step)")
      } else {
        progress.note("\(path) has no checkpoint yet: starting at step 1")
      }
    } else {
      checkpoint = nil
    }
    self.state = state
    self.configuration = try Self.inEffect(
      configuration, before: isPresent ? path + "/" + Self.configurationName : nil, progress: progress)
    let best = store.entries.first { $0.step == state.best?.step }
    if let best, configuration.checkpoints.keepsBest { try store.markBest(best) } else { store.unmarkBest() }
  }

  /// The settings with what a run's own file adds, which may be there already.
  private static func inEffect(
    _ configuration: TrainingConfiguration, before path: String?, progress: any TrainingProgress
  ) throws -> TrainingConfiguration {
    var result = configuration
    let before = try path.map { try TrainingConfiguration(path: $0) }
    if result.schedule.warmUp == nil, let warmUp = before?.schedule.warmUp {
      result.schedule.warmUp = min(warmUp, result.training.steps)
    }
    result.schedule.warmUp = result.warmUpSteps
    if let before { try compare(result, with: before, progress: progress) }
    return result
  }

  /// Throws if a folder without settings holds more than what a start that failed may have left.
  private static func checkIsRunOrEmpty(_ path: String) throws {
    let leftovers = [
      RunLock.fileName, RunRecords.metricsName, RunRecords.timingName, RunRecords.samplesName, "checkpoints",
      ".DS_Store",
    ]
    let present = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    guard !present.contains(configurationName) else { return }
    let stranger = present.first { name in
      !leftovers.contains(name) && !name.hasPrefix("events.")
        && !AtomicFile.isTemporaryName(name, beside: configurationName)
    }
    if let stranger {
      throw InputError("\(path) holds \(stranger) and is no run: choose another folder with --set output=…")
    }
  }

  /// Writes the settings, once the run is sure to go on with them; from then on the folder holds a run.
  func writeConfiguration() throws {
    try AtomicFile.write(try configuration.yaml().utf8, path: path + "/" + Self.configurationName)
  }

  /// Settings that a resumed run must share with its beginning; all others may change.
  private static let fixed = [
    "seed", "model.", "data.separates-documents", "training.batch-size", "training.accumulation",
    "training.sequence-length",
  ]

  private static func compare(
    _ configuration: TrainingConfiguration, with before: TrainingConfiguration, progress: any TrainingProgress
  ) throws {
    for (old, new) in zip(before.entries, configuration.entries) where old.value != new.value {
      if fixed.contains(where: { old.path == $0 || ($0.hasSuffix(".") && old.path.hasPrefix($0)) }) {
        throw InputError(
          "\(old.path) was \(old.value) when this run began and cannot become \(new.value); "
            + "start a new run in another output")
      }
      progress.note("changed since the run began: \(old.path) from \(old.value) to \(new.value)")
    }
  }
}
