import Foundation

/// A folder under a temporary name beside its target, with a lock that ends with this object or the process.
///
/// So a folder of such a name without a lock is what a process left that was killed.
final class PartialFolder {
  /// Where the folder is.
  let path: String
  private let lock: FileLock

  /// Makes the folder. On file systems that have no locks it has none.
  ///
  /// - Throws: ``InputError`` if it cannot be made.
  init(beside target: String) throws {
    while true {
      let path = AtomicFile.temporaryName(beside: target)
      guard FilePath.withSystemPath(path, { mkdir($0, 0o777) }) == 0 else {
        throw SystemError.error("create the folder", path: target)
      }
      do {
        // Before it has its lock, someone may take it for an abandoned one.
        guard let lock = try FileLock(folder: path), FilePath.exists(path) else { continue }
        self.path = path
        self.lock = lock
        return
      } catch {
        try? FilePath.remove(path)
        throw error
      }
    }
  }

  /// Removes the folders that killed processes have left beside `target`. One that has no lock because the
  /// file system has none stays.
  static func removeAbandoned(beside target: String) {
    let parent = AtomicFile.folder(of: target)
    for name in FilePath.entries(ofFolder: parent) ?? []
    where AtomicFile.isTemporaryName(name, beside: target) {
      let path = "\(parent)/\(name)"
      guard let lock = try? FileLock(folder: path), lock.obstacle == nil else { continue }
      withExtendedLifetime(lock) { try? FilePath.remove(path) }
    }
  }
}
