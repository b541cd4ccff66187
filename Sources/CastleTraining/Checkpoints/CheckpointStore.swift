import CastleFormats
import Foundation

/// The checkpoints of a run.
///
/// Each is a folder `checkpoints/step-00000100`: a model folder with the optimizer's moments, the state of
/// the run and a list of hashes. A checkpoint is written under a temporary name, brought to the disk and
/// renamed, so a folder of that name is whole unless the disk damaged it; the hashes detect that.
public struct CheckpointStore: Sendable {
  /// A checkpoint on disk.
  public struct Entry: Sendable, Hashable {
    /// The number of steps done.
    public var step: Int
    /// The folder.
    public var folder: String
  }

  /// The folder of the run.
  public let run: String

  /// The checkpoints of the run in `run`.
  public init(run: String) {
    self.run = run
  }

  /// The name of the folder of all checkpoints, in that of the run.
  package static let folderName = "checkpoints"

  private static let prefix = "step-"
  private static let temporarySuffix = ".partial"
  private static let replacedPrefix = ".replaced-"
  private static let damagedPrefix = "damaged-"
  private static let permanentName = "permanent"

  private var folder: String { run + "/" + Self.folderName }
  private var best: BestCheckpoint { BestCheckpoint(run: run) }

  /// All checkpoints, the newest first.
  public var entries: [Entry] {
    names.compactMap { name in
      guard name.hasPrefix(Self.prefix), let step = Int(name.dropFirst(Self.prefix.count)) else { return nil }
      return Entry(step: step, folder: folder + "/" + name)
    }.sorted { $0.step > $1.step }
  }

  /// The checkpoint in `folder`, which may be another run's.
  ///
  /// - Throws: ``InputError`` if there is none or it is damaged.
  static func entry(at folder: String) throws -> Entry {
    try FileHashes.check(folder: folder)
    return Entry(step: try TrainingState(folder: folder).step, folder: folder)
  }

  /// The newest checkpoint whose files have their recorded hashes, and what is wrong with newer ones.
  ///
  /// The newer ones are moved aside, to `checkpoints/damaged-step-…`: a user can look at them, and they are
  /// no longer ``entries``. If `best` is a link to one of them, it is gone.
  ///
  /// - Throws: ``InputError`` if there are checkpoints but all are damaged; they then stay where they are.
  public func newestIntact() throws -> (entry: Entry?, damages: [String]) {
    var damages: [(entry: Entry, reason: String)] = []
    try recoverReplaced()
    for entry in entries {
      do {
        try FileHashes.check(folder: entry.folder)
        return (entry, try damages.map { "\($0.reason); the checkpoint is now \(try quarantine($0.entry))" })
      } catch let error as InputError {
        damages.append((entry, error.description))
      }
    }
    guard let newest = damages.first else { return (nil, []) }
    throw InputError(
      subject: "every checkpoint in \(folder)", problem: "is damaged (\(newest.reason))",
      remedy: "restore one or start again in another output")
  }

  /// Checks that all checkpoints are of one run: of `run`, if it has a name. Older versions gave none.
  ///
  /// - Throws: ``InputError`` that names a checkpoint of another run.
  func check(run: String?) throws {
    var first = run.map { (name: $0, place: self.run) }
    for entry in entries {
      guard let name = (try? TrainingState(folder: entry.folder))?.run else { continue }
      if let first, first.name != name {
        throw InputError(
          subject: "\(entry.folder)", problem: "is a checkpoint of another run than \(first.place)",
          remedy: "move the checkpoints of the other run away, or choose another folder with "
            + "\(.setting("output", "…"))")
      }
      first = first ?? (name, entry.folder)
    }
  }

  /// Saves a checkpoint whose files `write` makes in the folder that it is given.
  ///
  /// A checkpoint of the same step is replaced. A permanent one is never removed.
  @discardableResult
  public func save(
    step: Int, isPermanent: Bool = false, write: (_ folder: String) throws -> Void
  ) throws -> Entry {
    let digits = String(step)
    let name = Self.prefix + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    let target = folder + "/" + name
    do {
      try makeRoom(for: target)
      try AtomicFolder.write(to: target) { folder in
        try write(folder)
        if isPermanent {
          try AtomicFile.write(
            "castle never removes this checkpoint\n".utf8, path: folder + "/" + Self.permanentName)
        }
        try FileHashes.write(folder: folder)
      }
      try FilePath.remove(replaced(name))
    } catch {
      try? recoverReplaced()
      let reason = (error as? InputError) ?? InputError(error.localizedDescription)
      throw reason.within("cannot save the checkpoint \(target)")
    }
    return Entry(step: step, folder: target)
  }

  /// Lets `best` lead to `entry`.
  ///
  /// - Throws: ``InputError`` if that cannot be done, which harms nothing.
  public func markBest(_ entry: Entry) throws { try best.lead(to: entry) }

  /// Removes `best`, where the checkpoint with the lowest loss is not kept.
  func unmarkBest() throws { try best.remove() }

  /// Removes all but the `count` newest checkpoints, that after the step `best`, permanent ones and `saved`,
  /// and what interrupted saves have left.
  ///
  /// - Throws: ``InputError`` if some cannot be removed, which harms nothing.
  public func prune(keeping count: Int, besides saved: Entry, best: Int? = nil) throws {
    for entry in entries.dropFirst(count)
    where entry != saved && entry.step != best && !isPermanent(entry) {
      let aside = folder + "/." + FilePath.name(of: entry.folder) + Self.temporarySuffix
      try FilePath.remove(aside)
      try FilePath.move(entry.folder, to: aside)
    }
    for name in names where name.hasSuffix(Self.temporarySuffix) {
      try FilePath.remove(folder + "/" + name)
    }
  }

  private func isPermanent(_ entry: Entry) -> Bool {
    FilePath.exists(entry.folder + "/" + Self.permanentName)
  }

  private var names: [String] { FilePath.entries(ofFolder: folder) ?? [] }

  private func replaced(_ name: String) -> String { folder + "/" + Self.replacedPrefix + name }

  /// Moves a checkpoint out of the way of a new one of the same step.
  private func makeRoom(for target: String) throws {
    guard FilePath.exists(target) else { return }
    let aside = replaced(FilePath.name(of: target))
    try FilePath.remove(aside)
    try FilePath.move(target, to: aside)
  }

  /// Gives a damaged checkpoint a name that is not one of a checkpoint, and returns its new path.
  private func quarantine(_ entry: Entry) throws -> String {
    if best.isLink(to: entry) { try best.remove() }
    let aside = folder + "/" + Self.damagedPrefix + FilePath.name(of: entry.folder)
    try FilePath.remove(aside)
    try FilePath.move(entry.folder, to: aside)
    return aside
  }

  /// Gives back its name to a checkpoint that was moved aside just before the process ended.
  private func recoverReplaced() throws {
    for name in names where name.hasPrefix(Self.replacedPrefix) {
      let target = folder + "/" + name.dropFirst(Self.replacedPrefix.count)
      if FilePath.exists(target) {
        try FilePath.remove(folder + "/" + name)
      } else {
        try FilePath.move(folder + "/" + name, to: target)
      }
    }
  }
}
