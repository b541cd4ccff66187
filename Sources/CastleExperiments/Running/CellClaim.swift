import CastleFormats
import Foundation

/// The right to work on a cell: a lock that ends with the process, however it ends.
final class CellClaim {
  private let descriptor: Int32

  /// Takes the lock at `path`; nil if another process has it.
  ///
  /// - Throws: ``InputError`` if there can be no lock.
  init?(_ path: String) throws {
    try AtomicFolder.makeFolder(AtomicFile.folder(of: path))
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw InputError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else {
        throw InputError(
          "cannot lock \(path): \(String(cString: strerror(errno))); choose an --output on a file system that has locks"
        )
      }
      return nil
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether a process has the lock at `path`.
  static func isTaken(_ path: String) throws -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // A shared lock, so that two who ask do not see each other.
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
