import Foundation

/// A file that comes into being whole or not at all.
///
/// Bytes go to a temporary name beside the target. ``commit()`` makes them durable and gives the file its name;
/// without it the temporary file is removed and what was at the target stays.
public final class AtomicFile {
  /// Where the file will lie.
  public let path: String
  /// The number of bytes written so far, those that were overwritten counted once.
  public private(set) var byteCount = 0

  private let temporaryPath: String
  private var descriptor: Int32

  /// Starts a file that will replace whatever is at `path`.
  ///
  /// - Throws: ``InputError`` if the folder does not exist or cannot be written.
  public init(path: String) throws {
    self.path = path
    temporaryPath = "\(path).\(getpid()).partial"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw SystemError.error("write", path: path) }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  /// Appends bytes.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    try write(bytes, at: byteCount)
  }

  /// Writes bytes at an offset that is no further than the end of what is written.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    precondition(descriptor >= 0 && offset >= 0 && offset <= byteCount)
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SystemError.error("write", path: path) }
      done += count
    }
    byteCount = max(byteCount, offset + done)
  }

  /// Makes the bytes durable and gives the file its name.
  public func commit() throws {
    precondition(descriptor >= 0, "committed already")
    guard fsync(descriptor) == 0 else { throw SystemError.error("write", path: path) }
    guard close(descriptor) == 0 else {
      descriptor = -1
      unlink(temporaryPath)
      throw SystemError.error("write", path: path)
    }
    descriptor = -1
    guard rename(temporaryPath, path) == 0 else {
      defer { unlink(temporaryPath) }
      throw SystemError.error("write", path: path)
    }
    try Self.syncFolder(of: path)
  }

  /// Writes a whole file at once.
  public static func write(_ bytes: some Sequence<UInt8>, path: String) throws {
    let file = try AtomicFile(path: path)
    try ContiguousArray(bytes).withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  /// Makes the names in the folder that `path` lies in durable.
  package static func syncFolder(of path: String) throws {
    let folder = (path as NSString).deletingLastPathComponent
    let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError.error("write", path: path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw SystemError.error("write", path: path) }
  }
}
