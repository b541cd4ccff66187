import CastleFormats
import Foundation

/// The folder of a run, new or to be resumed, locked against other trainers.
///
/// Only the main rank of a world takes the lock and writes; the others find the checkpoint to go on from.
package final class RunFolder {
  /// The folder.
  package let path: String
  /// Its checkpoints.
  package let store: CheckpointStore
  /// The checkpoint to go on from: the folder's newest, or that of another run from which this one branches.
  package let checkpoint: CheckpointStore.Entry?
  /// Whether ``checkpoint`` is another run's.
  package let isBranch: Bool

  private let world: World
  private let lock: RunLock?

  /// The name of the settings as they took effect, in the folder.
  static let configurationName = "config.yaml"
  /// Their name in a checkpoint, where `config.json` is the model's.
  static let checkpointConfigurationName = "run.yaml"

  /// Opens or makes the folder that `start` says. Its checkpoint is checked against the hashes; damaged ones
  /// are told to `note`.
  package init(_ start: RunStart, world: World = .single, note: (String) -> Void) throws {
    path = start.output
    self.world = world
    store = CheckpointStore(run: path)
    try AtomicFolder.makeFolder(path)
    // Asked before there is a lock, which would be left in a folder of others, and under it.
    try Self.checkIsRunOrEmpty(path)
    lock = world.isMain ? try RunLock(folder: path) : nil
    let isPresent = FileManager.default.fileExists(atPath: path + "/" + Self.configurationName)
    if world.isMain, !start.resumes, isPresent || !store.entries.isEmpty {
      throw InputError(
        subject: "\(path)", problem: "holds a run already",
        remedy: "continue it with \(.resume), or choose another folder with \(.setting("output", "…"))")
    }
    try Self.checkIsRunOrEmpty(path)
    if start.resumes {
      let (entry, damages) = try store.newestIntact()
      damages.forEach { note("warning: \($0); an older checkpoint is used") }
      if let entry {
        (checkpoint, isBranch) = (entry, false)
        return
      }
    }
    checkpoint = try start.checkpoint.map { try CheckpointStore.entry(at: $0) }
    isBranch = checkpoint != nil
    if start.resumes, checkpoint == nil { note("\(path) has no checkpoint yet: starting at step 1") }
  }

  /// The state to go on from, or that before the first step of a run on `data`.
  ///
  /// - Throws: ``InputError`` if the checkpoint is of another text, or of more than `steps` steps.
  func state(seed: UInt64, data: TrainingData, steps: Int, note: (String) -> Void) throws -> TrainingState {
    guard let checkpoint else { return TrainingState(seed: seed, text: data.fingerprint) }
    var state = try TrainingState(folder: checkpoint.folder)
    guard state.text == data.fingerprint else {
      throw InputError(
        subject: "\(data.places)",
        problem: "is not the text that \(isBranch ? checkpoint.folder : path) was trained on",
        remedy: isBranch
          ? "branch on the same text" : "put the old text back or start a new run in another output")
    }
    guard state.step <= steps else {
      throw InputError(
        problem:
          "the run has \(steps) steps, but \(isBranch ? checkpoint.folder : path) has done \(state.step) already",
        remedy: "set training.steps, tokens or epochs higher")
    }
    if isBranch {
      note("branching from \(checkpoint.folder) after step \(state.step)")
      state.beginBranch(of: checkpoint.folder)
    } else {
      note("resuming \(path) after step \(state.step)")
    }
    return state
  }

  /// Lets the link `best` point to the best checkpoint of `state`, if the settings keep one.
  func renewBest(_ state: TrainingState, _ settings: CheckpointSettings) throws {
    guard world.isMain else { return }
    let best = store.entries.first { $0.step == state.best?.step }
    if let best, settings.keepsBest { try store.markBest(best) } else { store.unmarkBest() }
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
      throw InputError(
        subject: "\(path)", problem: "holds \(stranger) and is no run",
        remedy: "choose another folder with \(.setting("output", "…"))")
    }
  }

  /// Writes the settings, once the run is sure to go on with them; from then on the folder holds a run.
  func write(_ configuration: TrainingConfiguration) throws {
    guard world.isMain else { return }
    try AtomicFile.write(try configuration.yaml().utf8, path: path + "/" + Self.configurationName)
  }
}
