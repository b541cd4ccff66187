import Foundation

/// A file that appears under its name whole, or not at all.
///
/// The bytes go to a temporary name beside the target; ``commit()`` syncs them to the disk, renames, and
/// syncs the folder. Without a commit the temporary file is removed and an earlier file of that name is
/// untouched.
///
/// ```swift
/// let file = try AtomicFile(path: "out/losses.bin")
/// try file.write(bytes)
/// try file.commit()
/// ```
///
/// Nothing is buffered: write large pieces.
public final class AtomicFile {
  /// The name that the file will have.
  public let path: String
  /// The number of bytes written so far, those that were overwritten counted once.
  public private(set) var byteCount = 0

  /// Where the bytes are until ``commit()``.
  package let temporaryPath: String
  private var descriptor: Int32

  /// Creates the temporary file, and missing folders above it.
  ///
  /// - Throws: ``InputError`` if the folder of `path` cannot be made or written, or if something else than a
  ///   regular file has that name.
  public init(path: String) throws {
    if let status = FilePath.status(path), status.st_mode & S_IFMT != S_IFREG {
      throw InputError("cannot write \(path): it is not a regular file")
    }
    self.path = path
    do {
      try AtomicFolder.makeFolder(AtomicFile.folder(of: path))
    } catch let error as InputError {
      throw error.within("cannot write \(path)")
    }
    temporaryPath = AtomicFile.temporaryName(beside: path)
    descriptor = FilePath.open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL)
    guard descriptor >= 0 else { throw SystemError.error("write", path: path) }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    try? FilePath.remove(temporaryPath)
  }

  /// Appends `bytes`.
  ///
  /// - Throws: ``InputError`` if the disk does not take them.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    try write(bytes, at: byteCount)
  }

  /// Appends `bytes`.
  ///
  /// - Throws: ``InputError`` if the disk does not take them.
  public func write(_ bytes: some Sequence<UInt8>) throws {
    try ContiguousArray(bytes).withUnsafeBytes { try write($0) }
  }

  /// Writes `bytes` at an offset that is no further than the end of what is written.
  ///
  /// - Throws: ``InputError`` if the disk does not take them.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    precondition(descriptor >= 0 && offset >= 0 && offset <= byteCount)
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SystemError.error("write", path: path) }
      done += count
    }
    byteCount = max(byteCount, offset + done)
  }

  /// Waits until the bytes written so far are on the disk.
  package func synchronize() throws {
    precondition(descriptor >= 0, "committed already")
    guard AtomicFile.sync(descriptor) else { throw SystemError.error("write", path: path) }
  }

  /// Gives the file its name, once its bytes are on the disk. Nothing may be written afterwards.
  ///
  /// - Throws: ``InputError`` if the disk does not take the bytes or the folder not the name; nothing is left
  ///   then.
  public func commit() throws {
    try synchronize()
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0, FilePath.rename(temporaryPath, to: path) else {
      let error = SystemError.error("write", path: path)
      try? FilePath.remove(temporaryPath)
      throw error
    }
    AtomicFile.syncFolder(AtomicFile.folder(of: path))
  }

  /// Writes a whole file.
  ///
  /// - Throws: ``InputError`` if the file cannot be made or the disk does not take the bytes.
  public static func write(_ bytes: some Sequence<UInt8>, path: String) throws {
    let file = try AtomicFile(path: path)
    try file.write(bytes)
    try file.commit()
  }
}

extension AtomicFile {
  /// A name in the same folder that no other writer uses.
  package static func temporaryName(beside path: String) -> String {
    let tag = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    return "\(folder(of: path))/.\(name(of: path)).\(tag).partial"
  }

  /// The name that a folder has for the moment in which another takes its own.
  static func asideName(beside path: String) -> String {
    "\(folder(of: path))/.\(name(of: path)).replaced"
  }

  /// Whether a name in the same folder is one that ``temporaryName(beside:)`` has given.
  package static func isTemporaryName(_ name: String, beside path: String) -> Bool {
    let start = ".\(self.name(of: path))."
    guard name.hasPrefix(start), name.hasSuffix(".partial") else { return false }
    return UInt64(name.dropFirst(start.count).dropLast(".partial".count), radix: 36) != nil
  }

  private static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? "file"
  }

  /// The folder that holds `path`.
  package static func folder(of path: String) -> String {
    let parent = path.split(separator: "/").dropLast().joined(separator: "/")
    if path.hasPrefix("/") { return "/" + parent }
    return parent.isEmpty ? "." : parent
  }

  /// Waits until an open file is on the disk, on file systems that can tell; false if that failed.
  package static func sync(_ descriptor: Int32) -> Bool {
    fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS
  }

  /// Makes the names in a folder durable, on file systems that can.
  package static func syncFolder(_ path: String) {
    let descriptor = FilePath.open(path, O_RDONLY)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
