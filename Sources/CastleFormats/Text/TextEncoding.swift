/// How bytes hold a text.
package enum TextEncoding: Sendable, Hashable {
  case utf8
  case utf16(isBigEndian: Bool)
  case utf32(isBigEndian: Bool)

  /// The encoding of a text that starts with `bytes`, and the length of its byte order mark.
  ///
  /// Without a mark, UTF-16 and UTF-32 show by their zero bytes: those of ASCII are zero but for one in two
  /// or four.
  package static func recognize(_ bytes: [UInt8]) -> (encoding: TextEncoding, markLength: Int) {
    for (mark, encoding) in marks where bytes.starts(with: mark) { return (encoding, mark.count) }
    return (encoding(byZerosIn: bytes), 0)
  }

  private static let marks: [([UInt8], TextEncoding)] = [
    ([0xEF, 0xBB, 0xBF], .utf8),
    ([0xFF, 0xFE, 0x00, 0x00], .utf32(isBigEndian: false)),
    ([0x00, 0x00, 0xFE, 0xFF], .utf32(isBigEndian: true)),
    ([0xFF, 0xFE], .utf16(isBigEndian: false)),
    ([0xFE, 0xFF], .utf16(isBigEndian: true)),
  ]

  private static func encoding(byZerosIn bytes: [UInt8]) -> TextEncoding {
    guard bytes.count >= 4, bytes.contains(0) else { return .utf8 }
    // The share of zero bytes at each place of four.
    var zeros = [0, 0, 0, 0]
    let groups = bytes.count / 4
    for place in 0..<4 * groups where bytes[place] == 0 { zeros[place % 4] += 1 }
    func isMostly(_ place: Int) -> Bool { 4 * zeros[place] > 3 * groups }
    func isOften(_ places: Int...) -> Bool { places.allSatisfy { 5 * zeros[$0] > groups } }
    func isSeldom(_ places: Int...) -> Bool { places.allSatisfy { 20 * zeros[$0] <= groups } }
    if isSeldom(0), isMostly(2), zeros[3] == groups { return .utf32(isBigEndian: false) }
    if isSeldom(3), isMostly(1), zeros[0] == groups { return .utf32(isBigEndian: true) }
    if isSeldom(0, 2), isOften(1, 3) { return .utf16(isBigEndian: false) }
    if isSeldom(1, 3), isOften(0, 2) { return .utf16(isBigEndian: true) }
    return .utf8
  }
}
