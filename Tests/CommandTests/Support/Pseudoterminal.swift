import Foundation
import Testing

/// A terminal that a test reads.
final class Pseudoterminal {
  /// What a process writes to.
  let handle: FileHandle

  private let reader: Int32

  /// A terminal with lines of `columns` characters.
  init(columns: Int) throws {
    var (reader, writer) = (Int32(-1), Int32(-1))
    var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    try #require(openpty(&reader, &writer, nil, nil, &size) == 0)
    self.reader = reader
    try #require(fcntl(reader, F_SETFL, O_NONBLOCK) == 0)
    handle = FileHandle(fileDescriptor: writer, closeOnDealloc: true)
  }

  deinit { close(reader) }

  /// What has been written since the last call.
  func read() -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = Foundation.read(reader, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
