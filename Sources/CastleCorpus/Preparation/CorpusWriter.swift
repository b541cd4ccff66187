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

  private var documentBytes = 0
  private var isInvalid = false
  private var invalidDocuments = 0
  private var emptyDocuments = 0

  init(
    folder: String, tokenizer: Tokenizer, endOfText: Int32, choice: ValidationChoice, shardTokens: Int,
    pool: ThreadPool
  ) {
    self.folder = folder
    self.tokenizer = tokenizer
    self.endOfText = endOfText
    self.choice = choice
    width = TokenWidth(vocabularySize: tokenizer.vocabularySize)
    train = SplitWriter(folder: folder, prefix: "train", width: width, shardTokens: shardTokens, pool: pool)
    validation = SplitWriter(
      folder: folder, prefix: "val", width: width, shardTokens: shardTokens, pool: pool)
  }

  /// Appends the tokens of the next item.
  func append(_ item: CorpusItem, _ encoded: EncodedItem) throws {
    var start = 0
    for (piece, result) in zip(item.pieces, encoded.pieces) {
      let writer = choice.contains(piece, of: item) ? validation : train
      try encoded.tokens.withUnsafeBufferPointer { tokens in
        try writer.append(
          UnsafeBufferPointer(rebasing: tokens[start..<result.tokenEnd]), byteCount: result.byteCount)
      }
      start = result.tokenEnd
      documentBytes += result.byteCount
      isInvalid = isInvalid || result.wasInvalid
      if piece.isLast { try endDocument(writer) }
    }
  }

  private func endDocument(_ writer: SplitWriter) throws {
    if documentBytes > 0 { try writer.endDocument(endOfText) } else { emptyDocuments += 1 }
    if isInvalid { invalidDocuments += 1 }
    documentBytes = 0
    isInvalid = false
  }

  /// Completes the shards and writes the tokenizer and the manifest.
  func finish(_ preparation: CorpusPreparation, files: [CorpusFile]) throws -> CorpusManifest {
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
      tokenBytes: width.byteCount, seed: preparation.seed, sourceFiles: files.count,
      sourceBytes: files.reduce(0) { $0 + $1.byteCount }, invalidBytes: preparation.invalidBytes,
      invalidDocuments: invalidDocuments, emptyDocuments: emptyDocuments, train: train,
      validation: try validation.finish())
    try AtomicFile.write(try manifest.json(), path: "\(folder)/\(CorpusManifest.fileName)")
    return manifest
  }
}
