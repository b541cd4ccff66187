package import CastleCluster
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
  package static let configurationName = "config.yaml"
  /// The name of the finished model's folder.
  package static let modelName = "model"
  /// The settings' name in a checkpoint, where `config.json` is the model's.
  static let checkpointConfigurationName = "run.yaml"

  /// Opens or makes the folder that `start` says. Its checkpoint is checked against the hashes; `note` hears
  /// of damaged ones.
  package init(_ start: RunStart, world: World = .single, note: (String) -> Void) throws {
    path = start.output
    self.world = world
    store = CheckpointStore(run: path)
    try AtomicFolder.makeFolder(path)
    // Checked before locking, so that no lock file is left in a folder that is not ours, and once more under
    // the lock.
    try Self.checkIsRunOrEmpty(path)
    lock = world.isMain ? try RunLock(folder: path, note: note) : nil
    let isPresent = FilePath.exists(path + "/" + Self.configurationName)
    if world.isMain, !start.resumes, isPresent || !store.entries.isEmpty {
      throw InputError(
        subject: "\(path)", problem: "holds a run already",
        remedy: "continue it with \(.resume), or choose another folder with \(.setting("output", "…"))")
    }
    try Self.checkIsRunOrEmpty(path)
    if start.resumes {
      try store.check(run: Self.name(ofRun: path))
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

  /// Opens or makes the folder on the main rank, which alone looks for checkpoints; the others follow it.
  static func open(
    _ start: RunStart, communicator: any Communicator, note: (String) -> Void
  ) throws -> RunFolder {
    let world = communicator.world
    guard world.size > 1 else { return try RunFolder(start, note: note) }
    let own = try communicator.onEveryRank {
      world.isMain ? try RunFolder(start, world: world, note: note) : nil
    }
    let checkpoint = try communicator.broadcast(own?.checkpoint?.folder ?? "")
    let isBranch = try communicator.broadcast(own?.isBranch == true ? "branch" : "") == "branch"
    if let own { return own }
    return try RunFolder(
      following: start.output, world: world, checkpoint: checkpoint.isEmpty ? nil : checkpoint,
      isBranch: isBranch)
  }

  /// The folder that the main rank has opened.
  private init(following path: String, world: World, checkpoint: String?, isBranch: Bool) throws {
    guard FilePath.exists(path + "/" + RunLock.fileName) else {
      throw InputError(
        subject: "\(path)", problem: "is not the folder that the main rank has opened",
        remedy: "choose an output on a file system that all hosts share")
    }
    self.path = path
    self.world = world
    self.isBranch = isBranch
    store = CheckpointStore(run: path)
    lock = nil
    self.checkpoint = try checkpoint.map {
      CheckpointStore.Entry(step: try TrainingState(folder: $0).step, folder: $0)
    }
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
          "the run has \(steps) steps, but \(isBranch ? checkpoint.folder : path) has done "
          + "\(state.step) already",
        remedy: "set training.steps, tokens or epochs higher")
    }
    state.nameIfNeeded()
    if isBranch {
      note("branching from \(checkpoint.folder) after step \(state.step)")
      state.beginBranch(of: checkpoint.folder)
    } else {
      note("resuming \(path) after step \(state.step)")
    }
    return state
  }

  /// Lets `best` lead to the best checkpoint of `state`, if the settings keep one, and removes checkpoints
  /// that the settings do not keep beside `saved`. The run needs neither: what goes wrong is told to `note`.
  func tidy(
    _ state: TrainingState, _ settings: CheckpointSettings, saved: CheckpointStore.Entry? = nil,
    note: (String) -> Void
  ) {
    guard world.isMain else { return }
    func attempt(_ body: () throws -> Void) {
      do { try body() } catch { note("warning: \(error)") }
    }
    let step = settings.keepsBest ? state.best?.step : nil
    let best = store.entries.first { $0.step == step }
    attempt { if let best { try store.markBest(best) } else { try store.unmarkBest() } }
    if let saved { attempt { try store.prune(keeping: settings.keep, besides: saved, best: step) } }
  }

  /// Throws if a folder without settings and checkpoints holds more than what a start that failed may have
  /// left.
  private static func checkIsRunOrEmpty(_ path: String) throws {
    let leftovers = [
      RunLock.fileName, RunRecords.metricsName, RunRecords.timingName, RunRecords.samplesName,
      CheckpointStore.folderName,
      ".DS_Store",
    ]
    guard let present = FilePath.entries(ofFolder: path) else {
      throw SystemError.error("read the folder", path: path)
    }
    guard !present.contains(configurationName), CheckpointStore(run: path).entries.isEmpty else { return }
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

  /// Writes the settings and the name of the run, once it is sure to go on with them; from then on the folder
  /// holds a run.
  func write(_ configuration: TrainingConfiguration, run: String?) throws {
    guard world.isMain else { return }
    let name = run.map { Self.nameComment + $0 + "\n" } ?? ""
    try AtomicFile.write(
      (name + (try configuration.yaml())).utf8, path: path + "/" + Self.configurationName)
  }

  /// How the first line of the settings names the run.
  private static let nameComment = "# run "

  /// The name of the run whose settings lie in `folder`; nil if they do not say.
  private static func name(ofRun folder: String) -> String? {
    let line = FilePath.contents(folder + "/" + configurationName)?.prefix { $0 != UInt8(ascii: "\n") }
    let text = line.map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.hasPrefix(nameComment) ? String(text.dropFirst(nameComment.count)) : nil
  }
}
