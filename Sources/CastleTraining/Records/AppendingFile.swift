import CastleFormats
import Foundation

/// A file that grows at its end, and can be cut back to an earlier size when a run is resumed.
final class AppendingFile {
  let path: String

  private let handle: FileHandle
  private var pending: [UInt8] = []
  private var writtenCount: UInt64

  /// Opens `path`, creating it if needed, and drops what lies behind byte `size`.
  ///
  /// Throws if the file is shorter than `size`: what it held is lost.
  init(path: String, truncatedTo size: UInt64) throws {
    self.path = path
    let manager = FileManager.default
    if !manager.fileExists(atPath: path), !manager.createFile(atPath: path, contents: nil) {
      throw InputError(problem: "cannot create \(path): \(String(cString: strerror(errno)))")
    }
    guard let handle = FileHandle(forUpdatingAtPath: path) else {
      throw InputError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
    self.handle = handle
    let present = try handle.seekToEnd()
    guard present >= size else {
      throw InputError(
        subject: "\(path)",
        problem:
          "has \(present) bytes where the checkpoint that the run goes on from expects at least \(size)",
        remedy: "put the old file back, or start a new run in another output")
    }
    try handle.truncate(atOffset: size)
    try handle.seek(toOffset: size)
    writtenCount = size
  }

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
    guard !pending.isEmpty else { return }
    do {
      try handle.write(contentsOf: pending)
    } catch {
      throw InputError("cannot write \(path): \(error.localizedDescription)")
    }
    writtenCount += UInt64(pending.count)
    pending.removeAll(keepingCapacity: true)
  }

  /// Flushes, and returns when the bytes are on the disk.
  func synchronize() throws {
    try flush()
    try handle.synchronize()
  }
}
