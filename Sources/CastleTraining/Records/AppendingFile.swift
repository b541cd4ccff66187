import CastleFormats
import Foundation

/// A file that grows at its end, and can be cut back to an earlier size when a run is resumed.
final class AppendingFile {
  let path: String

  private let descriptor: Int32
  private var pending: [UInt8] = []
  private var writtenCount: UInt64

  /// Opens `path`, creating it if needed, and drops what is after byte `size`, which it must have.
  ///
  /// - Throws: ``InputError`` if the file cannot be written.
  init(path: String, truncatedTo size: UInt64) throws {
    self.path = path
    writtenCount = size
    descriptor = FilePath.open(path, O_WRONLY | O_CREAT)
    guard descriptor >= 0, ftruncate(descriptor, off_t(size)) == 0,
      lseek(descriptor, off_t(size), SEEK_SET) == off_t(size)
    else { throw SystemError.error("write", path: path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The size of the file once everything is flushed.
  var byteCount: UInt64 { writtenCount + UInt64(pending.count) }

  func append(_ bytes: some Sequence<UInt8>) {
    pending += bytes
  }

  func append(littleEndian value: UInt32) {
    withUnsafeBytes(of: value.littleEndian) { pending += $0 }
  }

  /// Hands what is pending to the operating system.
  func flush() throws {
    var rest = pending[...]
    defer {
      writtenCount += UInt64(pending.count - rest.count)
      pending = Array(rest)
    }
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SystemError.error("write", path: path) }
      rest = rest.dropFirst(count)
    }
  }

  /// Flushes, and returns when the bytes are on the disk.
  func synchronize() throws {
    try flush()
    guard AtomicFile.sync(descriptor) else { throw SystemError.error("write", path: path) }
  }
}
