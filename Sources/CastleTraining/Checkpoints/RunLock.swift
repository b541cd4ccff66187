import CastleFormats
import Foundation

/// Keeps a second trainer out of a run's folder.
///
/// The operating system drops the lock when the process ends, however it ends.
final class RunLock {
  private let descriptor: Int32

  static let fileName = ".lock"

  /// Takes the lock of `folder`. Throws an ``InputError`` that names the other process if one has it, or says
  /// why there can be no lock.
  init(folder: String) throws {
    let path = folder + "/" + Self.fileName
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw InputError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      defer { close(descriptor) }
      guard reason == EWOULDBLOCK else {
        throw InputError(
          problem: "cannot lock \(path): \(String(cString: strerror(reason)))",
          remedy: "choose an output on a file system that has locks")
      }
      let holder = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      throw InputError(
        subject: "\(folder)",
        problem: "is in use by another castle process (\(holder.isEmpty ? "unknown" : holder))",
        remedy: "wait for it, stop it, or choose another output")
    }
    ftruncate(descriptor, 0)
    let text = Array("process \(ProcessInfo.processInfo.processIdentifier)".utf8)
    _ = text.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }

  deinit { close(descriptor) }
}
