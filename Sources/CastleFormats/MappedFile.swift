import Foundation

/// The bytes of a file, mapped into memory: they are read when they are touched and take no memory of their own.
///
/// The file must not be shortened while it is mapped.
public final class MappedFile: @unchecked Sendable {
  /// Where the file lies.
  public let path: String
  /// All bytes of the file.
  public let bytes: UnsafeRawBufferPointer

  /// Maps a regular file.
  ///
  /// - Throws: ``InputError`` if there is no such file or it cannot be read.
  public init(path: String) throws {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError.error("read", path: path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemError.error("read", path: path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw InputError("\(path) is not a file") }
    let count = Int(status.st_size)
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED
    else { throw SystemError.error("read", path: path) }
    bytes = UnsafeRawBufferPointer(start: address, count: count)
  }

  deinit {
    if let address = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
    }
  }
}
