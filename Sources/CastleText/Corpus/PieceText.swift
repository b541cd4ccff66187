import CastleFormats

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
        let place = "\(item.file.path), line \(item.firstLine + piece)"
        try text(inLine: bytes, place: place).withUnsafeBufferPointer { try check($0, place: place, body) }
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

  /// The text in a JSON line; nothing for a blank line.
  private func text(inLine line: UnsafeBufferPointer<UInt8>, place: String) throws -> [UInt8] {
    guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { return [] }
    var scanner = try JSONScanner(line, name: place, requiresUTF8: false)
    var found: [UInt8]?
    try scanner.object { scanner in
      if scanner.string.elementsEqual(field.utf8), scanner.peek() == UInt8(ascii: "\"") {
        try scanner.readString()
        found = scanner.string
      } else {
        _ = try scanner.value()
      }
    }
    try scanner.finish()
    guard let found else { throw InputError("\(place) has no string named \"\(field)\"") }
    return found
  }
}
