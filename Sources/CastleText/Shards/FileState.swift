import Foundation

/// A file of tokens is no longer what it was when it was opened.
public struct TextChanged: Error, Hashable, CustomStringConvertible {
  /// Which file, and what happened to it.
  public let description: String
}

/// What tells whether a file has been replaced or written to.
struct FileState: Sendable {
  private let path: String
  private let size: Int
  private let modified: timespec

  /// The state of the file at `path` now.
  init(path: String) throws {
    self.path = path
    (size, modified) = try Self.read(path)
  }

  /// Throws ``TextChanged`` if the file is gone, or has another size or date.
  func checkUnchanged() throws {
    let (size, modified) = try Self.read(path)
    guard size == self.size, modified.tv_sec == self.modified.tv_sec,
      modified.tv_nsec == self.modified.tv_nsec
    else {
      throw TextChanged(description: "\(path) has changed since it was opened")
    }
  }

  private static func read(_ path: String) throws -> (Int, timespec) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw TextChanged(
        description: "\(path) cannot be read any more: \(String(cString: strerror(errno)))")
    }
    #if canImport(Darwin)
      return (Int(status.st_size), status.st_mtimespec)
    #else
      return (Int(status.st_size), status.st_mtim)
    #endif
  }
}
