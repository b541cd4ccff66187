import CastleFormats
import CastleTensors
import CastleTokenizer

/// Puts the tokens of documents where they belong and keeps count.
final class CorpusWriter {
  private let folder: String
  private let tokenizer: Tokenizer
  private let endOfText: Int32
  private let choice: ValidationChoice
  private let width: TokenWidth
  private let train: SplitWriter
  private let validation: SplitWriter

  private let preparation: CorpusPreparation

  /// Whether a line has the name of the end-of-text token.
  private(set) var hasEndLines = false

  private var documentBytes = 0
  private var documentInvalidBytes = 0
  private var invalidBytes = 0
  private var invalidDocuments = 0
  private var emptyDocuments = 0

  /// The number of documents that have ended.
  private var ordinal = 0
  /// The duplicates that are still to come.
  private var duplicates: ArraySlice<DuplicateDocument>
  /// The number of duplicates that have ended.
  private var duplicateDocuments = 0
  private var hasher = DocumentHasher()
  private var contents = ContentTable()

  init(
    folder: String, tokenizer: Tokenizer, endOfText: Int32, choice: ValidationChoice,
    preparation: CorpusPreparation, pool: ThreadPool
  ) {
    self.folder = folder
    self.tokenizer = tokenizer
    self.endOfText = endOfText
    self.choice = choice
    self.preparation = preparation
    duplicates = (choice.duplicates ?? [])[...]
    let width = TokenWidth(vocabularySize: tokenizer.vocabularySize)
    func split(_ prefix: String) -> SplitWriter {
      SplitWriter(
        folder: folder, prefix: prefix, width: width, shardTokens: preparation.shardTokens, pool: pool)
    }
    self.width = width
    train = split("train")
    validation = split("val")
  }

  /// Whether duplicates must be found while the text is written.
  var wantsHashes: Bool { choice.duplicates == nil }

  /// Appends the tokens of the next item.
  func append(_ item: CorpusItem, _ encoded: EncodedItem) throws {
    hasEndLines = hasEndLines || encoded.hasEndLine
    var start = 0
    for (piece, result) in zip(item.group.pieces, encoded.pieces) {
      defer { start = result.tokenEnd }
      if let writer = writer(for: piece, of: item) {
        try encoded.tokens.withUnsafeBufferPointer { tokens in
          try writer.append(
            UnsafeBufferPointer(rebasing: tokens[start..<result.tokenEnd]), byteCount: result.byteCount)
        }
        documentBytes += result.byteCount
        documentInvalidBytes += result.invalidByteCount
        if piece.isLast { try endDocument(writer) }
      }
      if wantsHashes, let hash = hasher.take(piece, of: item.group, whole: result.hash),
        !(piece.isWhole && result.byteCount == 0)
      {
        let count = contents.count
        if contents.number(hash) < count { duplicateDocuments += 1 }
      }
      if piece.isLast, !isEndAtCut(piece, of: item) { countDocument() }
    }
  }

  /// Where a piece goes; nil if it is left out.
  private func writer(for piece: CorpusPiece, of item: CorpusItem) -> SplitWriter? {
    guard let duplicate = duplicates.first, duplicate.ordinal == ordinal else {
      return choice.contains(piece, of: item) ? validation : train
    }
    if preparation.removesDuplicates { return nil }
    return choice.contains(duplicate) ? validation : train
  }

  /// Whether a piece ends where the only document is cut in two.
  private func isEndAtCut(_ piece: CorpusPiece, of item: CorpusItem) -> Bool {
    guard let cut = choice.cut, cut.file == item.file.name else { return false }
    return !item.isAfterCut && item.offset + piece.range.upperBound == cut.place
  }

  private func countDocument() {
    if duplicates.first?.ordinal == ordinal {
      duplicates.removeFirst()
      duplicateDocuments += 1
    }
    ordinal += 1
  }

  private func endDocument(_ writer: SplitWriter) throws {
    if documentBytes > 0 { try writer.endDocument(endOfText) } else { emptyDocuments += 1 }
    if documentInvalidBytes > 0 { invalidDocuments += 1 }
    invalidBytes += documentInvalidBytes
    documentBytes = 0
    documentInvalidBytes = 0
  }

  /// Completes the shards and writes the tokenizer and the manifest.
  func finish(sourceFiles: Int, sourceBytes: Int) throws -> CorpusManifest {
    let tokenizerFile = "tokenizer.json"
    let train = try train.finish()
    guard train.documents > 0 else {
      throw InputError("the corpus is empty: no document for training has any text")
    }
    try TokenizerFile.write(tokenizer, path: "\(folder)/\(tokenizerFile)")
    let manifest = CorpusManifest(
      tokenizer: CorpusManifest.TokenizerRecord(
        file: tokenizerFile, sha256: try Digest.sha256(ofFile: "\(folder)/\(tokenizerFile)"),
        vocabularySize: tokenizer.vocabularySize, endOfText: endOfText),
      tokenBytes: width.byteCount, seed: preparation.seed, sourceFiles: sourceFiles, sourceBytes: sourceBytes,
      invalidBytes: preparation.invalidBytes, invalidDocuments: invalidDocuments,
      invalidByteCount: invalidBytes,
      emptyDocuments: emptyDocuments, duplicateDocuments: duplicateDocuments,
      removesDuplicates: preparation.removesDuplicates, train: train,
      validation: try validation.finish())
    try AtomicFile.write(try manifest.json(), path: "\(folder)/\(CorpusManifest.fileName)")
    return manifest
  }
}
