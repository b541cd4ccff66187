import CastleFormats
import CastleTokenizer

/// Gets the text out of the pieces of an item.
struct PieceText {
  /// What becomes of bytes that are not UTF-8; nil if they are an error.
  let invalidBytes: InvalidBytes?
  /// The member of a JSON line that holds the text.
  let field: String

  /// Calls `body` with the text of a piece and whether it had bytes that are not UTF-8; these are replaced
  /// already if they are to be.
  ///
  /// - Throws: ``InputError`` if the piece is not a JSON object with the text, or has bytes that are not UTF-8
  ///   where those are an error.
  func withText(
    _ piece: Int, of item: CorpusItem, _ body: (UnsafeBufferPointer<UInt8>, _ wasInvalid: Bool) -> Void
  ) throws {
    let range = item.pieces[piece].range
    try item.bytes.withUnsafeBufferPointer { bytes in
      let bytes = UnsafeBufferPointer(rebasing: bytes[range])
      switch item.file.format {
      case .text:
        try check(bytes, place: item.file.path, body)
      case .jsonLines:
        let line = item.firstLine + piece
        let place = "\(item.file.path), line \(line)"
        var scanner = JSONScanner(
          UnsafeRawBufferPointer(bytes), name: item.file.path, firstLine: line, requiresUTF8: false)
        guard let text = try text(&scanner) else {
          throw InputError("\(place) has no string named \"\(field)\"")
        }
        try text.withUnsafeBufferPointer { try check($0, place: place, body) }
      }
    }
  }

  private func check(
    _ text: UnsafeBufferPointer<UInt8>, place: String, _ body: (UnsafeBufferPointer<UInt8>, Bool) -> Void
  ) throws {
    if invalidBytes == .replaced {
      guard let repaired = UTF8Decoding.repaired(text) else { return body(text, false) }
      return repaired.withUnsafeBufferPointer { body($0, true) }
    }
    guard let base = text.baseAddress else { return body(text, false) }
    let isValid = UTF8Decoding.validPrefix(base, count: text.count) == text.count
    guard isValid || invalidBytes != nil else {
      throw InputError(
        "\(place) has bytes that are not UTF-8; convert it, or allow them to be replaced or kept")
    }
    body(text, !isValid)
  }

  /// The text in a JSON line, nil if it has none; a blank line is an empty text.
  private func text(_ scanner: inout JSONScanner) throws -> [UInt8]? {
    var found: [UInt8]?
    if scanner.peek() == 0 {
      found = []
    } else {
      try scanner.object { scanner in
        if scanner.string.elementsEqual(field.utf8), scanner.isNext("\"") {
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
