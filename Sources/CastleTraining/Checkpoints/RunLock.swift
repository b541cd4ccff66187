import CastleFormats
import Foundation

/// Keeps a second trainer out of a run's folder.
///
/// The operating system drops the lock when the process ends, however it ends.
final class RunLock {
  private let descriptor: Int32

  static let fileName = ".lock"

  /// Takes the lock of `folder`. Where the file system has no locks, that is told to `note`.
  ///
  /// - Throws: ``InputError`` that names the other process if one has it.
  init(folder: String, note: (String) -> Void) throws {
    let path = folder + "/" + Self.fileName
    descriptor = FilePath.open(path, O_RDWR | O_CREAT, 0o644)
    guard descriptor >= 0 else { throw SystemError.error("write", path: path) }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK else {
        note(
          "warning: cannot lock \(path): \(SystemError.text); nothing keeps a second castle train out of \(folder)"
        )
        return
      }
      let holder = FilePath.contents(path).map { String(decoding: $0, as: UTF8.self) } ?? ""
      throw InputError(
        subject: "\(folder)",
        problem: "is in use by another castle process (\(holder.isEmpty ? "unknown" : holder))",
        remedy: "wait for it, stop it, or choose another output")
    }
    ftruncate(descriptor, 0)
    let text = Array("process \(ProcessInfo.processInfo.processIdentifier)".utf8)
    _ = text.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }

  /// Runs also where the initializer throws with the file open.
  deinit { if descriptor >= 0 { close(descriptor) } }
}
