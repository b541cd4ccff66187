import CastleFormats
import Foundation

/// Keeps a second trainer out of a run's folder.
///
/// The operating system drops the lock when the process ends, however it ends.
final class RunLock {
  private let lock: FileLock

  static let fileName = ".lock"

  /// Takes the lock of `folder`. `note` gets a warning where the file system has no locks.
  ///
  /// - Throws: ``InputError`` that names the other process if one has it.
  init(folder: String, note: (String) -> Void) throws {
    let path = folder + "/" + Self.fileName
    guard let lock = try FileLock(path: path) else {
      let holder = FilePath.contents(path).map { String(decoding: $0, as: UTF8.self) } ?? ""
      throw InputError(
        subject: "\(folder)",
        problem: "is in use by another castle process (\(holder.isEmpty ? "unknown" : holder))",
        remedy: "wait for it, stop it, or choose another output")
    }
    if let obstacle = lock.obstacle {
      note(
        "warning: cannot lock \(path): \(obstacle); nothing keeps a second castle train out of \(folder)")
    } else {
      lock.write("process \(ProcessInfo.processInfo.processIdentifier)")
    }
    self.lock = lock
  }
}
