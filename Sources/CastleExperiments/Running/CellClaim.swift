import CastleFormats
import Foundation

/// The right to work on a cell: a lock that ends with the process, however it ends.
final class CellClaim {
  private let descriptor: Int32

  /// Takes the lock at `path`; nil if another process has it. On a file system without locks nobody has one,
  /// and everyone gets the claim; the run in the cell warns of that.
  ///
  /// - Throws: ``InputError`` if the file cannot be written.
  init?(_ path: String) throws {
    try AtomicFolder.makeFolder(AtomicFile.folder(of: path))
    descriptor = FilePath.open(path, O_RDWR | O_CREAT, 0o644)
    guard descriptor >= 0 else { throw SystemError.error("write", path: path) }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether a process has the lock at `path`.
  static func isTaken(_ path: String) throws -> Bool {
    let descriptor = FilePath.open(path, O_RDONLY)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // A shared lock, so that two who ask do not see each other.
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
