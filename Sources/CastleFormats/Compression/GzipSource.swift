import CZlib

/// Decompresses gzip (RFC 1952): all members, one after another.
package final class GzipSource: ByteSource {
  private enum State {
    case beforeMember, inMember, atEnd
  }

  private let source: any ByteSource
  private let name: String
  private let stream: UnsafeMutablePointer<z_stream>
  private let input: UnsafeMutableRawBufferPointer
  private var state = State.inMember

  /// Decompresses `source`, which errors call `name`.
  package init(_ source: any ByteSource, name: String) {
    self.source = source
    self.name = name
    input = .allocate(byteCount: 1 << 16, alignment: 64)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let gzipWithLargestWindow: Int32 = 16 + 15
    let result = inflateInit2_(
      stream, gzipWithLargestWindow, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(result == Z_OK, "zlib could not be started")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    input.deallocate()
  }

  /// - Throws: ``InputError`` if the bytes are damaged or end too early.
  package func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
    stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = uInt(room.count)
    while stream.pointee.avail_out > 0, state != .atEnd {
      if stream.pointee.avail_in == 0, try !refill() {
        guard state == .beforeMember else {
          throw InputError("\(name) ends in the middle of its compressed bytes; get it whole")
        }
        state = .atEnd
        break
      }
      if state == .beforeMember { try beginMember() } else { try inflateSome() }
    }
    return room.count - Int(stream.pointee.avail_out)
  }

  private func refill() throws -> Bool {
    let count = try source.read(into: input)
    stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = uInt(count)
    return count > 0
  }

  /// Passes over the zeros that may follow a member, as `gzip` does, and begins the next one.
  private func beginMember() throws {
    guard stream.pointee.next_in.pointee != 0 else {
      stream.pointee.next_in += 1
      stream.pointee.avail_in -= 1
      return
    }
    guard stream.pointee.next_in.pointee == 0x1F, inflateReset(stream) == Z_OK else {
      throw InputError("\(name) has bytes that are not gzip after its compressed data")
    }
    state = .inMember
  }

  private func inflateSome() throws {
    switch inflate(stream, Z_NO_FLUSH) {
    case Z_OK, Z_BUF_ERROR: return
    case Z_STREAM_END: state = .beforeMember
    default:
      let detail = stream.pointee.msg.map { String(cString: $0) } ?? "no gzip"
      throw InputError("\(name) is damaged: \(detail)")
    }
  }
}
