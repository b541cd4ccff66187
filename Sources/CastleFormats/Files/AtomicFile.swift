import Foundation

/// A file that appears under its name whole, or not at all.
///
/// The bytes go to a temporary name beside the target; ``commit()`` syncs them to the disk, renames, and syncs
/// the folder. Without a commit the temporary file is removed and an earlier file of that name is untouched.
///
/// ```swift
/// let file = try AtomicFile(path: "out/losses.bin")
/// try file.write(bytes)
/// try file.commit()
/// ```
public final class AtomicFile {
  /// The name that the file will have.
  public let path: String

  private let temporaryPath: String
  private var descriptor: Int32
  private var pending: [UInt8] = []

  private static let pendingLimit = 1 << 18

  /// Creates the temporary file. Throws an ``InputError`` if the folder of `path` cannot be written, or if
  /// something else than a regular file has that name.
  public init(path: String) throws {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw InputError("cannot write \(path): it is not a regular file")
    }
    self.path = path
    temporaryPath = AtomicFile.temporaryName(beside: path)
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw InputError("cannot write \(path): \(SystemError.last)") }
    pending.reserveCapacity(Self.pendingLimit)
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  /// Appends `bytes`. Throws an ``InputError`` if the disk does not take them.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    if pending.count + bytes.count > Self.pendingLimit { try flush() }
    if bytes.count > Self.pendingLimit {
      try writeThrough(bytes)
    } else {
      pending.append(contentsOf: bytes)
    }
  }

  /// Appends `bytes`. Throws an ``InputError`` if the disk does not take them.
  public func write(_ bytes: some Sequence<UInt8>) throws {
    let done: Void? = try bytes.withContiguousStorageIfAvailable { try write(UnsafeRawBufferPointer($0)) }
    if done == nil { try Array(bytes).withUnsafeBytes { try write($0) } }
  }

  /// Gives the file its name, once its bytes are on the disk. Nothing may be written afterwards.
  public func commit() throws {
    try flush()
    guard fsync(descriptor) == 0 else { throw failure() }
    close(descriptor)
    descriptor = -1
    guard rename(temporaryPath, path) == 0 else {
      let error = failure()
      unlink(temporaryPath)
      throw error
    }
    AtomicFile.syncFolder(AtomicFile.folder(of: path))
  }

  /// Writes a whole file.
  public static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
    let file = try AtomicFile(path: path)
    try file.write(bytes)
    try file.commit()
  }

  private func flush() throws {
    try pending.withUnsafeBytes { try writeThrough($0) }
    pending.removeAll(keepingCapacity: true)
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
    precondition(descriptor >= 0, "written after commit")
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      rest = rest.dropFirst(count)
    }
  }

  private func failure() -> InputError {
    InputError("cannot write \(path): \(SystemError.last)")
  }
}

extension AtomicFile {
  /// A name in the same folder that no other writer uses.
  static func temporaryName(beside path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? "file"
    let tag = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    return "\(folder(of: path))/.\(name).\(tag).partial"
  }

  /// The folder that holds `path`.
  static func folder(of path: String) -> String {
    var parts = path.split(separator: "/", omittingEmptySubsequences: true)
    parts = Array(parts.dropLast())
    let joined = parts.joined(separator: "/")
    if path.hasPrefix("/") { return "/" + joined }
    return joined.isEmpty ? "." : joined
  }

  /// Makes the names in a folder durable. File systems that cannot do so need no more than the rename.
  static func syncFolder(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
