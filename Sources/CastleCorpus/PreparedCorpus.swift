import CastleFormats
public import CastleTokenizer
import Foundation

/// A folder of token shards with their tokenizer: one made by `castle prepare`, or one of llm.c or nanoGPT.
public struct PreparedCorpus: Sendable {
  /// One part of the text.
  public struct Part: Sendable {
    /// The shards, in order.
    public let shards: [TokenShard]
    /// The number of tokens.
    public let tokenCount: Int
  }

  /// The folder.
  public let folder: String
  /// The tokenizer that made the tokens.
  public let tokenizer: Tokenizer
  /// What models are trained on.
  public let training: Part
  /// What they are measured on; nil if there is none.
  public let validation: Part?
  /// What distinguishes this text from others: a hash over the hashes of tokenizer and training shards.
  public let fingerprint: String

  /// The tokenizer's file.
  public let tokenizerPath: String

  /// Opens the folder.
  ///
  /// A folder made by `castle prepare` has a manifest. The hash of the tokenizer is compared with the
  /// manifest's, and those of shards that were touched after the manifest was written.
  ///
  /// A folder without one, of llm.c or nanoGPT, holds files such as `train.bin` and `val.bin`, or
  /// `text_train_000001.bin` and so on: the word `train` or `val` in the name says which part it is. All
  /// their tokens are read, to compare them with the vocabulary.
  ///
  /// - Parameters:
  ///   - tokenizer: The tokenizer of a folder without a manifest: a `tokenizer.json`, or a folder that holds
  ///     one. Nil for the `tokenizer.json` in the folder. A folder with a manifest has its own, which must be
  ///     equal.
  ///   - width: How wide the tokens are in files without a header, in a folder without a manifest; nil for
  ///     nanoGPT's 16 bits.
  /// - Throws: ``InputError`` if a file is missing, damaged or not what the manifest says, or a token is not
  ///   in the vocabulary.
  public init(folder: String, tokenizer: String? = nil, width: TokenWidth? = nil) throws {
    let isPrepared = FilePath.status(folder + "/" + CorpusManifest.fileName) != nil
    self =
      try isPrepared
      ? PreparedCorpus(manifestIn: folder)
      : PreparedCorpus(rawFolder: folder, tokenizer: tokenizer, width: width)
    guard isPrepared, let tokenizer else { return }
    guard TokenizerFile.json(try TokenizerFile.read(path: tokenizer)) == TokenizerFile.json(self.tokenizer)
    else {
      throw InputError(
        subject: "\(folder)", problem: "was prepared with another tokenizer than \(tokenizer)",
        remedy: "prepare it again with that one, or leave out \(.key("data.tokenizer"))")
    }
  }

  /// Opens a folder made by `castle prepare`.
  private init(manifestIn folder: String) throws {
    self.folder = folder
    let manifest = try CorpusManifest.read(folder: folder)
    tokenizerPath = folder + "/" + manifest.tokenizer.file
    self.tokenizer = try Self.tokenizer(manifest.tokenizer, folder: folder)
    training = try Self.part(manifest.train, folder: folder)
    validation =
      manifest.validation.tokens > 1 ? try Self.part(manifest.validation, folder: folder) : nil
    guard training.tokenCount > 0 else {
      throw InputError("\(folder) has no tokens to train on; prepare more text")
    }
    let digest = Digest()
    for hash in [manifest.tokenizer.sha256] + manifest.train.shards.map(\.sha256) {
      Array(hash.utf8).withUnsafeBytes { digest.update($0) }
    }
    fingerprint = digest.sha256()
    try Self.verifyTouchedShards(manifest, folder: folder)
  }

  /// Opens a folder of tokens without a manifest.
  private init(rawFolder folder: String, tokenizer: String?, width: TokenWidth?) throws {
    let files = try RawShards(folder: folder)
    self.folder = folder
    tokenizerPath = try files.tokenizerPath(tokenizer)
    self.tokenizer = try TokenizerFile.read(path: tokenizerPath)
    let vocabularySize = self.tokenizer.vocabularySize
    let digest = Digest()
    digest.update(TokenizerFile.json(self.tokenizer))
    training = try files.part(files.training, width: width, vocabularySize: vocabularySize, digest: digest)
    let validation = try files.part(
      files.validation, width: width, vocabularySize: vocabularySize, digest: nil)
    self.validation = validation.tokenCount > 1 ? validation : nil
    guard training.tokenCount > 0 else { throw InputError("\(folder) has no tokens to train on") }
    fingerprint = digest.sha256()
  }

  /// - Throws: ``InputError`` if `other` was made with another tokenizer.
  public func checkTokenizer(isThatOf other: PreparedCorpus) throws {
    guard TokenizerFile.json(tokenizer) == TokenizerFile.json(other.tokenizer) else {
      throw InputError(
        subject: "\(folder)", problem: "was prepared with another tokenizer than \(other.folder)",
        remedy: "prepare it again with \(.tokenizer(other.tokenizerPath))")
    }
  }

  /// - Throws: ``InputError`` if `tokenizer`, a model's, is another than that of this text.
  package func check(tokenizer: Tokenizer) throws {
    guard TokenizerFile.json(tokenizer) != TokenizerFile.json(self.tokenizer) else { return }
    throw InputError(
      "\(folder) was prepared with another tokenizer than the model's; prepare it again with the model's")
  }

  private static func tokenizer(_ record: CorpusManifest.TokenizerRecord, folder: String) throws -> Tokenizer
  {
    let path = folder + "/" + record.file
    guard try Digest.sha256(ofFile: path) == record.sha256 else {
      throw InputError(
        "\(path) was changed after it was made; put the old file back or prepare the text again")
    }
    let tokenizer = try TokenizerFile.read(path: path)
    guard tokenizer.vocabularySize == record.vocabularySize, tokenizer.endOfText == record.endOfText else {
      throw InputError(
        "\(path) has \(tokenizer.vocabularySize) tokens and ends texts with "
          + "\(tokenizer.endOfText.map(String.init) ?? "none"), but \(CorpusManifest.fileName) says "
          + "\(record.vocabularySize) and \(record.endOfText); prepare the text again")
    }
    return tokenizer
  }

  private static func part(_ split: CorpusManifest.Split, folder: String) throws -> Part {
    let shards = try split.shards.map { try TokenShard(path: folder + "/" + $0.file) }
    return Part(shards: shards, tokenCount: shards.reduce(0) { $0 + $1.tokenCount })
  }

  private static func verifyTouchedShards(_ manifest: CorpusManifest, folder: String) throws {
    let written = try modificationDate(folder + "/" + CorpusManifest.fileName)
    for shard in manifest.train.shards + manifest.validation.shards {
      let path = folder + "/" + shard.file
      guard try modificationDate(path) > written else { continue }
      guard try Digest.sha256(ofFile: path) == shard.sha256 else {
        throw InputError(
          "\(path) was changed after it was made; put the old file back or prepare the text again")
      }
    }
  }

  private static func modificationDate(_ path: String) throws -> Date {
    guard let time = FilePath.status(path)?.modified else { throw SystemError.error("read", path: path) }
    return Date(timeIntervalSince1970: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
  }
}
