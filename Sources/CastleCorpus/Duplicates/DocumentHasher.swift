/// Puts the hashes of documents together from those of their pieces.
struct DocumentHasher {
  private var open: ContentHash?

  /// The hash of a piece that is a whole document; nil for others, which are hashed in their order.
  static func hash(_ text: PieceText.Text, of piece: CorpusPiece) -> UInt128? {
    piece.isWhole ? ContentHash.of(text.original) : nil
  }

  /// Takes the next piece; returns the hash of the document if it ends. `whole` is ``hash(_:of:)`` of the
  /// piece.
  mutating func take(_ piece: CorpusPiece, of group: PieceGroup, whole: UInt128?) -> UInt128? {
    if let whole { return whole }
    var hash = piece.isFirst ? ContentHash() : open ?? ContentHash()
    // Only documents of text files come in several pieces, and their text is the bytes as they are.
    group.bytes.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[piece.range])) }
    open = piece.isLast ? nil : hash
    return piece.isLast ? hash.value : nil
  }
}
