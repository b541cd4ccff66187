/// UTF-8 made of UTF-16 or UTF-32.
///
/// What is no character there, such as a lone surrogate, becomes the byte FF, which is none in UTF-8.
package final class WideTextSource: ByteSource {
  private let source: any ByteSource
  private let unitLength: Int
  private let isBigEndian: Bool
  private var highSurrogate: UInt32?
  private var ready: [UInt8] = []
  private var given = 0
  private var isAtEnd = false

  /// The text in `source`, without a byte order mark; nil if that is UTF-8 already.
  package init?(_ source: any ByteSource, encoding: TextEncoding) {
    self.source = source
    switch encoding {
    case .utf8: return nil
    case .utf16(let isBigEndian):
      unitLength = 2
      self.isBigEndian = isBigEndian
    case .utf32(let isBigEndian):
      unitLength = 4
      self.isBigEndian = isBigEndian
    }
  }

  package func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    while done < room.count {
      if given == ready.count {
        guard !isAtEnd else { break }
        try convertSome()
        continue
      }
      let some = ready[given...].prefix(room.count - done)
      UnsafeMutableRawBufferPointer(rebasing: room[done...]).copyBytes(from: some)
      given += some.count
      done += some.count
    }
    return done
  }

  private func convertSome() throws {
    let wanted = 1 << 15
    let bytes = try source.read(wanted)
    isAtEnd = bytes.count < wanted
    ready.removeAll(keepingCapacity: true)
    given = 0
    let whole = bytes.count / unitLength * unitLength
    for start in stride(from: 0, to: whole, by: unitLength) {
      let unit = (0..<unitLength).reduce(UInt32(0)) { value, place in
        value << 8 | UInt32(bytes[start + (isBigEndian ? place : unitLength - 1 - place)])
      }
      if unitLength == 2 { appendUnit(unit) } else { append(unit) }
    }
    if isAtEnd {
      endSurrogate()
      if whole < bytes.count { ready.append(0xFF) }
    }
  }

  private func appendUnit(_ unit: UInt32) {
    if let high = highSurrogate, unit & 0xFC00 == 0xDC00 {
      highSurrogate = nil
      return append(0x10000 + (high & 0x3FF) << 10 + unit & 0x3FF)
    }
    endSurrogate()
    if unit & 0xFC00 == 0xD800 { highSurrogate = unit } else { append(unit) }
  }

  private func endSurrogate() {
    if highSurrogate != nil { ready.append(0xFF) }
    highSurrogate = nil
  }

  private func append(_ value: UInt32) {
    guard let scalar = Unicode.Scalar(value) else { return ready.append(0xFF) }
    ready.append(contentsOf: UTF8.encode(scalar)!)
  }
}
