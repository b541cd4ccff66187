import CastleCorpus
import CastleFormats
public import CastleTokenizer

extension EvaluationText {
  /// Opens what `path` names: a folder made by `castle prepare`, a token shard, or a text file, which
  /// `tokenizer` encodes as one document. At most `limit` tokens are taken (0: all). `note` is told how many
  /// bytes of a text file are not UTF-8.
  ///
  /// - Throws: ``InputError`` if there is no such text, or a text file comes without a tokenizer.
  public init(
    path: String, tokenizer: Tokenizer?, limit: Int = 0, note: (String) -> Void = { _ in }
  ) throws {
    guard FilePath.exists(path) else {
      throw InputError("there is no file or folder \(path)")
    }
    if FilePath.isFolder(path) {
      let text = try PreparedCorpus(folder: path)
      if let tokenizer { try text.check(tokenizer: tokenizer) }
      self.init(name: path, text: text, limit: limit)
    } else if path.hasSuffix(".bin") {
      self.init(name: path, shards: [try TokenShard(path: path)], tokenizer: tokenizer, limit: limit)
    } else if TextFile.hasJSONLines(path) {
      throw InputError("\(path) holds JSON lines: make token shards of it with castle prepare first")
    } else {
      guard let tokenizer else {
        throw InputError(
          "the model has no tokenizer.json, so \(path) must be token shards made by castle prepare")
      }
      let text = try TextFile(path: path).bytes
      TextFile.note(text).map(note)
      self.init(name: path, text: text, tokenizer, limit: limit)
    }
  }

  private init(name: String, text: [UInt8], _ tokenizer: Tokenizer, limit: Int) {
    let encoded = tokenizer.encode(text, specialTokens: .ordinary)
    let start = tokenizer.endOfText.map { [$0] } ?? []
    let tokens = limit > 0 ? Array((start + encoded).prefix(limit)) : start + encoded
    self.init(name: name, tokens: tokens, tokenizer: tokenizer)
  }
}
