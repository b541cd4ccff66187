import CastleFormats
import Foundation

/// `best` in the folder of a run, where people find the checkpoint with the lowest loss; no run needs it.
///
/// It is a link to the checkpoint, or a copy of it where the file system has no links. A link that was copied
/// with what it leads to is such a copy too.
struct BestCheckpoint {
  private let path: String

  /// `best` of the run in the folder `run`.
  init(run: String) {
    path = run + "/best"
  }

  /// Lets it lead to `entry`.
  ///
  /// - Throws: ``InputError`` if that cannot be done, or if `best` is something of the user's.
  func lead(to entry: CheckpointStore.Entry) throws {
    let isFolder = FilePath.kind(path) == S_IFDIR
    guard FilePath.kind(path) == nil || FilePath.kind(path) == S_IFLNK || isCopy else {
      throw InputError("cannot write \(path): it is there already, and not a checkpoint")
    }
    let link = path + ".partial"
    try? FilePath.remove(link)
    let target = CheckpointStore.folderName + "/" + FilePath.name(of: entry.folder)
    guard FilePath.makeLink(at: link, to: target) else { return try copy(entry) }
    if isFolder { try FilePath.remove(path) }
    guard FilePath.rename(link, to: path) else {
      let error = SystemError.error("write", path: path)
      try? FilePath.remove(link)
      throw error
    }
  }

  /// Whether it leads to `entry` by a link.
  func isLink(to entry: CheckpointStore.Entry) -> Bool {
    FilePath.target(ofLink: path) == CheckpointStore.folderName + "/" + FilePath.name(of: entry.folder)
  }

  /// Removes the link or the copy, where there is one.
  func remove() throws {
    if FilePath.kind(path) == S_IFLNK || isCopy { try FilePath.remove(path) }
  }

  /// Whether it is a copy of a checkpoint.
  private var isCopy: Bool {
    FilePath.kind(path) == S_IFDIR
      && [FileHashes.fileName, TrainingState.fileName].allSatisfy { FilePath.exists(path + "/" + $0) }
  }

  private func copy(_ entry: CheckpointStore.Entry) throws {
    let hashes = "/" + FileHashes.fileName
    if isCopy, FilePath.contents(path + hashes) == FilePath.contents(entry.folder + hashes) { return }
    try AtomicFolder.write(to: path, replaces: true) { folder in
      for name in FilePath.entries(ofFolder: entry.folder) ?? [] {
        try MappedFile(path: entry.folder + "/" + name).withBytes { bytes in
          let file = try AtomicFile(path: folder + "/" + name)
          try file.write(bytes)
          try file.commit()
        }
      }
    }
  }
}
