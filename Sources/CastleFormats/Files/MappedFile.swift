package import Foundation

/// A file whose bytes appear in memory when they are read (`mmap`), without being copied.
///
/// The file must not be shortened by others while it is mapped; the files of this package are never changed
/// in place, so a mapping stays valid even when a new version takes the name.
public final class MappedFile: @unchecked Sendable {
  /// Where the file was found.
  public let path: String
  /// The number of bytes.
  public var count: Int { bytes.count }
  /// When the file had been changed last as it was mapped.
  package let modified: timespec
  /// The number of the file on its disk.
  package let number: UInt64

  private let bytes: UnsafeRawBufferPointer

  /// Maps the regular file at `path`.
  ///
  /// - Throws: ``InputError`` if it cannot be read.
  public init(path: String) throws {
    let descriptor = FilePath.open(path, O_RDONLY)
    guard descriptor >= 0 else {
      throw InputError("cannot read \(FilePath.shown(path)): \(SystemError.text)")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw InputError("cannot read \(path): \(SystemError.text)")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw InputError("cannot read \(path): it is not a regular file")
    }
    self.path = path
    modified = status.modified
    number = UInt64(status.st_ino)
    let count = Int(status.st_size)
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
      throw InputError("cannot map \(path): \(SystemError.text)")
    }
    bytes = UnsafeRawBufferPointer(start: address, count: count)
  }

  /// Calls `body` with the bytes of the file.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(self) { try body(bytes) }
  }

  deinit {
    if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
  }
}

extension stat {
  /// When the file was changed last.
  package var modified: timespec {
    #if canImport(Darwin)
      st_mtimespec
    #else
      st_mtim
    #endif
  }
}
