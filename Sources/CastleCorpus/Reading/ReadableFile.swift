import CastleFormats
import Foundation

/// A file that is open for reading.
final class ReadableFile {
  private let path: String
  private let descriptor: Int32

  init(reading path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError.error("read", path: path) }
  }

  deinit { close(descriptor) }

  /// Appends the `count` bytes from `offset` on to `bytes`.
  func read(_ count: Int, at offset: Int, onto bytes: inout [UInt8]) throws {
    var done = 0
    let more = try [UInt8](unsafeUninitializedCapacity: count) { room, filled in
      while done < count {
        let got = pread(descriptor, room.baseAddress! + done, count - done, off_t(offset + done))
        if got < 0 && errno == EINTR { continue }
        guard got >= 0 else { throw SystemError.error("read", path: path) }
        guard got > 0 else { throw InputError("\(path) became shorter while it was read; try again") }
        done += got
      }
      filled = count
    }
    if bytes.isEmpty { bytes = more } else { bytes += more }
  }
}
