import CastleFormats
import Foundation

/// A folder of GPT-2's own form: `vocab.json`, ids by token, and `merges.txt`, one merge a line.
enum GPT2Files {
  /// The token that GPT-2's vocabulary ends with; it is special although its files do not say so.
  private static let endOfText = "<|endoftext|>"

  static func read(folder: String) throws -> Tokenizer {
    func child(_ name: String) -> String { FilePath.path(name, in: folder) }
    let settings = try FolderSettings(folder: folder)
    let names = try readVocabulary(path: child("vocab.json"))
    let pipeline = try pipeline(settings, folder: folder)
    let resolver = MergeResolver(names: names, isByteLevel: true)
    let merges = try named(child("merges.txt")) {
      try resolver.resolve(readMerges(path: child("merges.txt")))
    }
    let special = names.id(endOfText.utf8).map { [AddedToken(id: $0, content: endOfText)] }
    let (vocabulary, strangers) = names.tokens(isByteLevel: true)
    return try named(folder) {
      try Tokenizer(
        vocabulary: vocabulary, strangers: strangers, merges: merges,
        addedTokens: settings.added(to: special ?? [], names: names), pipeline: pipeline)
    }
  }

  /// Puts a file's name before an error that lacks it.
  private static func named<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as InputError {
      throw error.within("\(name)")
    }
  }

  /// What transformers' class for these files does with a text.
  private static func pipeline(_ settings: FolderSettings, folder: String) throws -> TokenizerPipeline {
    let byteLevel: JSONValue.Members = [
      "type": .string("ByteLevel"), "trim_offsets": .bool(true), "use_regex": .bool(true),
      "add_prefix_space": .bool(settings.addsPrefixSpace ?? false),
    ]
    var parts: JSONValue.Members = ["pre_tokenizer": .object(byteLevel), "decoder": .object(byteLevel)]
    switch settings.tokenizerClass {
    case nil, "GPT2Tokenizer", "CodeGenTokenizer", "GPTNeoXTokenizer", "PreTrainedTokenizer": break
    case "Qwen2Tokenizer":
      parts["normalizer"] = .object(["type": .string("NFC")])
      parts["pre_tokenizer"] = PreTokenizerKind.qwen.json
    case let other?:
      throw InputError(
        "\(folder)/tokenizer_config.json has the tokenizer_class \(other), "
          + "which is not implemented for vocab.json and merges.txt; "
          + "save it as tokenizer.json with transformers")
    }
    return try TokenizerPipeline(parts: parts, settings: BytePairSettings())
  }

  private static func readVocabulary(path: String) throws -> TokenNames {
    let file = try MappedFile(path: path)
    var names = TokenNames()
    try file.withBytes { bytes in
      try DownloadedFile.check(bytes, path: path)
      var scanner = JSONScanner(bytes, name: path)
      try scanner.object { scanner in
        let name = scanner.string
        try names.add(name: name, id: scanner.tokenID(), file: path)
      }
      try scanner.finish()
    }
    return names
  }

  private static func readMerges(path: String) throws -> [(left: [UInt8], right: [UInt8])] {
    let lines = try MappedFile(path: path).withBytes { bytes in
      try DownloadedFile.check(bytes, path: path)
      return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
    }
    var pairs: [(left: [UInt8], right: [UInt8])] = []
    for (number, line) in lines.enumerated() {
      let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      if line.isEmpty || line.starts(with: "#version".utf8) { continue }
      let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw InputError("\(path), line \(number + 1): expected two tokens with one space between")
      }
      pairs.append((Array(parts[0]), Array(parts[1])))
    }
    return pairs
  }
}
