import CastleTokenizer

/// Makes tokens of pieces of a corpus, on a number of threads at a time.
struct PieceEncoder {
  /// The line whose name of the end-of-text token would be read as ordinary text.
  let endLine: EndLine

  private let source: PieceText
  private let findsEndLines: Bool
  private let encoders: [TokenEncoder]

  /// An encoder for `threads` threads. With `findsEndLines` it looks for lines in text files that hold only
  /// the name of the end-of-text token.
  init(_ tokenizer: Tokenizer, source: PieceText, threads: Int, findsEndLines: Bool) {
    endLine = EndLine(tokenizer)
    self.source = source
    self.findsEndLines = findsEndLines
    encoders = (0..<threads).map { _ in TokenEncoder(tokenizer) }
  }

  /// The tokens of `group`, made by the thread of that number, and the hashes of whole documents if they are
  /// wanted.
  ///
  /// - Throws: ``InputError`` if a piece has no text, or bytes that are not UTF-8 where those are an error.
  func encode(_ group: PieceGroup, wantsHashes: Bool, thread: Int) throws -> EncodedItem {
    var result = EncodedItem()
    result.tokens.reserveCapacity(group.bytes.count / 2)
    let mayHaveEndLines = findsEndLines && group.format == .text
    for (index, piece) in group.pieces.enumerated() {
      try source.withText(index, of: group) { text in
        // Documents of white space alone are none.
        let bytes =
          piece.isWhole && text.isBlank ? UnsafeBufferPointer(rebasing: text.bytes[..<0]) : text.bytes
        encoders[thread].encodeChecked(bytes, specialTokens: .ordinary, into: &result.tokens)
        result.pieces.append(
          EncodedItem.Piece(
            tokenEnd: result.tokens.count, byteCount: bytes.count, invalidByteCount: text.invalidByteCount,
            hash: wantsHashes ? DocumentHasher.hash(text, of: piece) : nil))
        if mayHaveEndLines, endLine.isIn(bytes) { result.hasEndLine = true }
      }
    }
    return result
  }
}
