import CastleFormats
public import CastleTokenizer
import Foundation

/// A folder made by `castle prepare`: token shards, their tokenizer and a manifest.
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
  /// What tells this text from another one: a hash over the hashes of tokenizer and training shards.
  public let fingerprint: String

  private let manifest: CorpusManifest

  /// Opens the folder.
  ///
  /// The hash of the tokenizer is compared with the manifest's, and those of shards that were touched after the manifest
  /// was written.
  ///
  /// - Throws: ``InputError`` if a file is missing, damaged or not what the manifest says.
  public init(folder: String) throws {
    let manifestPath = folder + "/" + CorpusManifest.fileName
    guard FileManager.default.fileExists(atPath: manifestPath) else {
      throw InputError(
        "\(folder) has no \(CorpusManifest.fileName): name a folder made by castle prepare")
    }
    self.folder = folder
    manifest = try CorpusManifest.read(folder: folder)
    tokenizer = try Self.tokenizer(manifest.tokenizer, folder: folder)
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
    try verifyTouchedShards(manifestPath: manifestPath)
  }

  /// The tokenizer's file.
  public var tokenizerPath: String { folder + "/" + manifest.tokenizer.file }

  /// - Throws: ``InputError`` if `other` was made with another tokenizer.
  public func checkTokenizer(isThatOf other: PreparedCorpus) throws {
    guard manifest.tokenizer.sha256 == other.manifest.tokenizer.sha256 else {
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

  private func verifyTouchedShards(manifestPath: String) throws {
    let written = try Self.modificationDate(manifestPath)
    for shard in manifest.train.shards + manifest.validation.shards {
      let path = folder + "/" + shard.file
      guard try Self.modificationDate(path) > written else { continue }
      guard try Digest.sha256(ofFile: path) == shard.sha256 else {
        throw InputError(
          "\(path) was changed after it was made; put the old file back or prepare the text again")
      }
    }
  }

  private static func modificationDate(_ path: String) throws -> Date {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard let date = attributes?[.modificationDate] as? Date else { throw InputError("cannot read \(path)") }
    return date
  }
}
