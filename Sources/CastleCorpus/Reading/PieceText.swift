import CastleFormats
import CastleTokenizer

/// Gets the text out of pieces of a file.
struct PieceText {
  /// What becomes of bytes that are not UTF-8; nil if they are an error.
  let invalidBytes: InvalidBytes?
  /// The key of a JSON line that holds the text.
  let key: String

  /// The text of a piece.
  struct Text {
    /// The bytes, those that are not UTF-8 replaced if they are to be.
    let bytes: UnsafeBufferPointer<UInt8>
    /// The bytes before anything was replaced.
    let original: UnsafeBufferPointer<UInt8>
    /// The number of bytes that are not UTF-8.
    let invalidByteCount: Int
    /// Whether there is nothing but white space.
    var isBlank: Bool { Blank.isBlank(bytes) }
  }

  /// Calls `body` with the text of a piece.
  ///
  /// - Throws: ``InputError`` if the piece is not a JSON object with the text, or has bytes that are not
  ///   UTF-8 where those are an error.
  func withText(_ piece: Int, of group: PieceGroup, _ body: (Text) -> Void) throws {
    let range = group.pieces[piece].range
    try group.bytes.withUnsafeBufferPointer { bytes in
      let bytes = UnsafeBufferPointer(rebasing: bytes[range])
      switch group.format {
      case .text:
        try check(bytes, place: group.path, body)
      case .jsonLines:
        let line = group.firstLine + piece
        let place = "\(group.path), line \(line)"
        var scanner = JSONScanner(
          UnsafeRawBufferPointer(bytes), name: group.path, firstLine: line, requiresUTF8: false)
        guard let text = try text(&scanner) else {
          throw InputError(
            subject: "\(place)", problem: "has no string named \"\(key)\"",
            remedy: "name the key that holds the text (\(.textKey))")
        }
        try text.withUnsafeBufferPointer { try check($0, place: place, body) }
      }
    }
  }

  private func check(
    _ text: UnsafeBufferPointer<UInt8>, place: String, _ body: (Text) -> Void
  ) throws {
    if invalidBytes == .replaced {
      guard let repaired = UTF8Decoding.repaired(text) else {
        return body(Text(bytes: text, original: text, invalidByteCount: 0))
      }
      return repaired.withUnsafeBufferPointer {
        body(Text(bytes: $0, original: text, invalidByteCount: UTF8Decoding.invalidByteCount(text)))
      }
    }
    let invalidByteCount = UTF8Decoding.invalidByteCount(text)
    guard invalidByteCount == 0 || invalidBytes != nil else {
      throw InputError(
        "\(place) has bytes that are not UTF-8; convert it, or allow them to be replaced or kept")
    }
    body(Text(bytes: text, original: text, invalidByteCount: invalidByteCount))
  }

  /// The text in a JSON line, nil if it has none; a blank line is an empty text.
  private func text(_ scanner: inout JSONScanner) throws -> [UInt8]? {
    var found: [UInt8]?
    if scanner.peek() == 0 {
      found = []
    } else {
      try scanner.object { scanner in
        if scanner.string.elementsEqual(key.utf8), scanner.isNext("\"") {
          try scanner.readString()
          found = scanner.string
        } else {
          try scanner.skipValue()
        }
      }
    }
    try scanner.finish()
    return found
  }
}
