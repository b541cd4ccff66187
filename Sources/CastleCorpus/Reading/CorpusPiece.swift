/// A part of one document: the whole of it if it is short.
struct CorpusPiece: Sendable {
  /// The place of the document in its file, empty ones counted.
  var document: Int
  /// Where the bytes are in those of the batch item.
  var range: Range<Int>
  /// Whether the document begins with this piece.
  var isFirst: Bool
  /// Whether the document ends with this piece.
  var isLast: Bool

  /// Whether the piece is a whole document.
  var isWhole: Bool { isFirst && isLast }
}

/// Pieces of a file with their bytes: all that is needed to get at the text in them.
struct PieceGroup: Sendable {
  /// The bytes of the file that the pieces were cut from.
  var bytes: [UInt8]
  /// The pieces, in order.
  var pieces: [CorpusPiece]
  /// How the file holds its documents.
  var format: TextFormat
  /// What messages call the file.
  var path: String
  /// The line of the file that the first piece starts in, counted from 1; JSON lines only.
  var firstLine: Int
}

/// Pieces that one thread works on at a time, and their place in the corpus.
struct CorpusItem: Sendable {
  /// The pieces.
  var group: PieceGroup
  /// The file.
  var file: CorpusFile
  /// Where the bytes are in the text of the file.
  var offset: Int
  /// Whether the pieces come after the place where the file is cut in two.
  var isAfterCut: Bool
  /// The number of bytes of files up to the end of this item.
  var bytesRead: Int
}
