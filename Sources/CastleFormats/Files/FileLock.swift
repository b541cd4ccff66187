import Foundation

/// A lock on a file or a folder that ends with this object, or with the process, however that ends.
///
/// Where the file system has no locks, nobody has one, and everyone gets this object.
package final class FileLock {
  /// What the system says where the file system has no locks; nil if the lock is held.
  package let obstacle: String?
  private let descriptor: Int32

  /// Takes the lock of the file at `path`, which is made if there is none; nil if another process has it.
  ///
  /// - Throws: ``InputError`` if the file cannot be made.
  package convenience init?(path: String) throws {
    let descriptor = FilePath.open(path, O_RDWR | O_CREAT, 0o644)
    guard descriptor >= 0 else { throw SystemError.error("write", path: path) }
    self.init(descriptor)
  }

  /// Takes the lock of the folder at `path`; nil if another process has it, or there is no such folder.
  ///
  /// - Throws: ``InputError`` if the folder cannot be opened.
  convenience init?(folder path: String) throws {
    let descriptor = FilePath.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw SystemError.error("lock the folder", path: path)
    }
    self.init(descriptor)
  }

  /// Takes the lock of an open file; nil if another process has it, and then the file is closed.
  private init?(_ descriptor: Int32) {
    self.descriptor = descriptor
    let isHeld = flock(descriptor, LOCK_EX | LOCK_NB) == 0
    let isTaken = !isHeld && errno == EWOULDBLOCK
    obstacle = isHeld ? nil : SystemError.text
    if isTaken { return nil }
  }

  deinit { close(descriptor) }

  /// Replaces what the locked file holds by `text`, for those who find it taken.
  package func write(_ text: String) {
    ftruncate(descriptor, 0)
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }

  /// Whether a process has the lock of the file at `path`.
  package static func isTaken(_ path: String) -> Bool {
    let descriptor = FilePath.open(path, O_RDONLY)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // A shared lock, so that two who ask do not see each other.
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
