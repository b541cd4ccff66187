import Foundation

/// A folder under a temporary name beside its target, with a lock that ends with this object or the process.
///
/// So a folder of such a name without a lock is what a process left that was killed.
final class PartialFolder {
  /// Where the folder is.
  let path: String
  private let descriptor: Int32

  /// Makes the folder. On file systems that have no locks it has none.
  ///
  /// - Throws: ``InputError`` if it cannot be made.
  init(beside target: String) throws {
    while true {
      let path = AtomicFile.temporaryName(beside: target)
      guard FilePath.withSystemPath(path, { mkdir($0, 0o777) }) == 0 else {
        throw SystemError.error("create the folder", path: target)
      }
      let descriptor = Self.open(path)
      guard descriptor >= 0 || errno == ENOENT else {
        let error = SystemError.error("create the folder", path: target)
        try? FilePath.remove(path)
        throw error
      }
      // Before it has its lock, someone may take it for an abandoned one.
      let isTaken = flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
      if !isTaken, FilePath.exists(path) {
        self.path = path
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit { close(descriptor) }

  /// Removes the folders that killed processes have left beside `target`. One that has no lock because the file system
  /// has none stays.
  static func removeAbandoned(beside target: String) {
    let parent = AtomicFile.folder(of: target)
    for name in FilePath.entries(ofFolder: parent) ?? []
    where AtomicFile.isTemporaryName(name, beside: target) {
      let path = "\(parent)/\(name)"
      let descriptor = open(path)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { try? FilePath.remove(path) }
      close(descriptor)
    }
  }

  /// Opens a folder; negative if there is none.
  private static func open(_ path: String) -> Int32 {
    FilePath.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  }
}
