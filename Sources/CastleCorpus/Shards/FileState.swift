import CastleFormats
import Foundation

/// A file of tokens is no longer what it was when it was opened.
public struct TextChanged: Error, Hashable, CustomStringConvertible {
  /// Which file, and what happened to it.
  public let description: String
}

/// What shows whether a file has been replaced or written to since it was mapped.
struct FileState: Sendable {
  private let path: String
  private let size: Int
  private let modified: timespec
  private let number: UInt64

  /// The state of a file when it was mapped.
  init(_ file: MappedFile) {
    path = file.path
    size = file.count
    modified = file.modified
    number = file.number
  }

  /// Throws ``TextChanged`` if the file is gone, another one, or has another size or date.
  func checkUnchanged() throws {
    guard let status = FilePath.status(path) else {
      throw TextChanged(description: "\(path) cannot be read any more: \(SystemError.text)")
    }
    let now = status.modified
    let isSame =
      UInt64(status.st_ino) == number && Int(status.st_size) == size
      && now.tv_sec == modified.tv_sec && now.tv_nsec == modified.tv_nsec
    guard isSame else {
      throw TextChanged(description: "\(path) has changed since it was opened")
    }
  }
}
