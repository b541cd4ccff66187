import CastleFormats
public import CastleTokenizer
import Foundation

/// What `manifest.json` says of a folder of token shards.
public struct CorpusManifest: Codable, Sendable, Hashable {
  /// One shard.
  public struct Shard: Codable, Sendable, Hashable {
    /// The name of the file in the folder.
    public var file: String
    /// The number of tokens.
    public var tokens: Int
    /// The size of the file.
    public var bytes: Int
    /// The SHA-256 hash of the file.
    public var sha256: String
  }

  /// One part of the corpus.
  public struct Split: Codable, Sendable, Hashable {
    /// The number of documents.
    public var documents = 0
    /// The number of bytes of text that the tokens stand for, ends of text not counted.
    public var bytes = 0
    /// The number of tokens, an end of text after each document counted.
    public var tokens = 0
    /// The shards in order. A document may start in one and end in the next.
    public var shards: [Shard] = []
  }

  /// The tokenizer that made the tokens.
  public struct TokenizerRecord: Codable, Sendable, Hashable {
    /// The name of the file in the folder.
    public var file: String
    /// The SHA-256 hash of the file.
    public var sha256: String
    /// One more than the highest token id.
    public var vocabularySize: Int
    /// The token after each document.
    public var endOfText: Int32
  }

  /// The version of this form.
  public var version = 1
  /// The tokenizer that made the tokens.
  public var tokenizer: TokenizerRecord
  /// The number of bytes of one token.
  public var tokenBytes: Int
  /// The seed that chose the validation documents.
  public var seed: UInt64
  /// The number of files that were read.
  public var sourceFiles: Int
  /// The size of the files that were read.
  public var sourceBytes: Int
  /// What became of bytes that are not UTF-8; null if they were refused.
  public var invalidBytes: InvalidBytes?
  /// The number of documents that had bytes that are not UTF-8.
  public var invalidDocuments: Int
  /// The number of bytes that are not UTF-8; nil in manifests of earlier versions.
  public var invalidByteCount: Int?
  /// The number of documents without text, which were left out.
  public var emptyDocuments: Int
  /// The number of documents whose text an earlier one has; nil in manifests of earlier versions.
  public var duplicateDocuments: Int?
  /// Whether these were left out; nil in manifests of earlier versions.
  public var removesDuplicates: Bool?
  /// What models are trained on.
  public var train: Split
  /// What they are measured on.
  public var validation: Split

  /// The name of the file in the folder of the shards.
  public static let fileName = "manifest.json"

  /// Whether a prepared folder has a file of this name.
  static func isPart(_ name: String) -> Bool {
    let isShard = ["train_", "val_"].contains(where: name.hasPrefix) && name.hasSuffix(".bin")
    return isShard || [fileName, "tokenizer.json", ".DS_Store"].contains(name)
  }

  /// Reads the manifest of a folder of token shards, and checks that the shards have the sizes that it says.
  ///
  /// - Throws: ``InputError`` if it is missing, malformed, or at odds with the files.
  public static func read(folder: String) throws -> CorpusManifest {
    let path = "\(folder)/\(fileName)"
    let file = try MappedFile(path: path)
    let data = file.withBytes { Data($0) }
    let manifest: CorpusManifest
    do {
      let decoder = JSONDecoder()
      // Keys in camel case, as earlier versions wrote them, stay as they are.
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      manifest = try decoder.decode(CorpusManifest.self, from: data)
    } catch {
      throw InputError("\(path) is not a manifest of token shards; prepare the corpus again")
    }
    guard manifest.version == 1 else {
      throw InputError("\(path) has version \(manifest.version); only version 1 can be read")
    }
    for shard in manifest.train.shards + manifest.validation.shards {
      let tokens = try TokenShard(path: "\(folder)/\(shard.file)").tokenCount
      guard tokens == shard.tokens else {
        throw InputError(
          "\(folder)/\(shard.file) has \(tokens) tokens, \(path) says \(shard.tokens); "
            + "prepare the corpus again"
        )
      }
    }
    return manifest
  }

  /// The bytes of `manifest.json`, with keys in snake case.
  public func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
  }
}
