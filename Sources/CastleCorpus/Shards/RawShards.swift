import CastleFormats
import Foundation

/// The files of tokens in a folder without a manifest, as llm.c and nanoGPT make them.
struct RawShards {
  /// The names of the files to train on, in order.
  let training: [String]
  /// The names of those to measure on.
  let validation: [String]

  private let folder: String

  /// Looks into the folder.
  ///
  /// - Throws: ``InputError`` if there is no file to train on.
  init(folder: String) throws {
    self.folder = folder
    let names =
      FilePath.entries(ofFolder: folder)?.filter { $0.hasSuffix(".bin") && !$0.hasPrefix(".") } ?? []
    func files(_ words: Set<String>) -> [String] {
      names.filter { name in
        !words.isDisjoint(with: name.lowercased().split { "_-. ".contains($0) }.map(String.init))
      }
    }
    training = files(["train", "training"])
    validation = files(["val", "valid", "validation"])
    guard !training.isEmpty else {
      throw InputError(
        subject: "\(folder)", problem: "has neither \(CorpusManifest.fileName) nor a file such as train.bin",
        remedy: "name a folder made by castle prepare, or one of llm.c or nanoGPT")
    }
    if let both = training.first(where: validation.contains) {
      throw InputError("\(folder)/\(both) has both train and val in its name; rename it")
    }
  }

  /// The tokenizer's file: at `path`, in the folder there, or in that of the tokens if `path` is nil.
  func tokenizerPath(_ path: String?) throws -> String {
    let name = "tokenizer.json"
    guard let path else {
      guard FilePath.status("\(folder)/\(name)") != nil else {
        throw InputError(
          subject: "\(folder)", problem: "has no \(CorpusManifest.fileName) and no \(name)",
          remedy: "name the tokenizer of its tokens with \(.setting("data.tokenizer", "FILE"))")
      }
      return "\(folder)/\(name)"
    }
    guard FilePath.isFolder(path) else { return path }
    guard FilePath.status("\(path)/\(name)") != nil else {
      throw InputError(
        subject: "\(path)", problem: "holds no \(name)",
        remedy: "make one of what it holds with castle tokenizer convert")
    }
    return "\(path)/\(name)"
  }

  /// Opens files and reads all their tokens into `digest`.
  ///
  /// - Throws: ``InputError`` if one is damaged or has a token that is not in the vocabulary.
  func part(
    _ names: [String], width: TokenWidth?, vocabularySize: Int, digest: Digest?
  ) throws -> PreparedCorpus.Part {
    let shards = try names.map { name in
      let path = "\(folder)/\(name)"
      let shard: TokenShard
      if let told = try TokenShard.widthInHeader(path: path) {
        shard = try TokenShard(path: path)
        guard width == nil || width == told else {
          throw InputError(
            subject: "\(.key("data.dtype"))", problem: "is \(width!), but the header of \(path) says \(told)",
            remedy: "leave it out")
        }
      } else {
        guard width != nil || TokenWidth(vocabularySize: vocabularySize) == .uint16 else {
          throw InputError(
            subject: "\(path)", problem: "has no header, and the tokenizer has \(vocabularySize) tokens",
            remedy: "say their type with \(.setting("data.dtype", "uint32"))")
        }
        shard = try TokenShard(rawPath: path, width: width ?? .uint16)
      }
      try Self.check(shard, vocabularySize: vocabularySize)
      if let digest {
        var hash = ContentHash()
        shard.withTokenBytes { hash.update($0) }
        digest.update(Array("\(shard.width) \(hash.value)".utf8))
      }
      return shard
    }
    return PreparedCorpus.Part(shards: shards, tokenCount: shards.reduce(0) { $0 + $1.tokenCount })
  }

  /// - Throws: ``InputError`` if a token is not in the vocabulary.
  private static func check(_ shard: TokenShard, vocabularySize: Int) throws {
    let largest: UInt32 = shard.withTokenBytes { bytes in
      switch shard.width {
      case .uint16:
        UInt32(bytes.bindMemory(to: UInt16.self).reduce(0) { max($0, UInt16(littleEndian: $1)) })
      case .uint32: bytes.bindMemory(to: UInt32.self).reduce(0) { max($0, UInt32(littleEndian: $1)) }
      }
    }
    guard shard.tokenCount == 0 || largest < vocabularySize else {
      throw InputError(
        subject: "\(shard.path)",
        problem: "has the token \(largest), but the tokenizer has only \(vocabularySize)",
        remedy: "name another tokenizer with \(.key("data.tokenizer")), or the type of the tokens with "
          + "\(.key("data.dtype"))")
    }
    guard shard.width == .uint16, looksWide(shard) else { return }
    throw InputError(
      subject: "\(shard.path)", problem: "has a zero in every second place, as if the tokens had 32 bits",
      remedy: "say so with \(.setting("data.dtype", "uint32"))")
  }

  /// Whether the upper halves of 32 bits are all zero.
  private static func looksWide(_ shard: TokenShard) -> Bool {
    shard.withTokenBytes { bytes in
      let tokens = bytes.bindMemory(to: UInt16.self)
      return tokens.count >= 4
        && stride(from: 1, to: tokens.count, by: 2).allSatisfy { tokens[$0] == 0 }
        && tokens.contains { $0 != 0 }
    }
  }
}
