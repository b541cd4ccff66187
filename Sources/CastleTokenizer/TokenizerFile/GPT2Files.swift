import CastleFormats
import Foundation

/// The two files of GPT-2's own form: `vocab.json`, ids by token, and `merges.txt`, one merge a line.
enum GPT2Files {
  /// The token that GPT-2's vocabulary ends with; it is special although its files do not say so.
  private static let endOfText = "<|endoftext|>"

  static func read(folder: String) throws -> Tokenizer {
    func child(_ name: String) -> String { (folder as NSString).appendingPathComponent(name) }
    let names = try readVocabulary(path: child("vocab.json"))
    let merges = try readMerges(path: child("merges.txt"), names: names)
    let special = names.id(named: endOfText).map { [AddedToken(id: $0, content: endOfText)] }
    return try Tokenizer(vocabulary: names.tokens, merges: merges, addedTokens: special ?? [])
  }

  private static func readVocabulary(path: String) throws -> TokenNames {
    let file = try MappedFile(path: path)
    var names = TokenNames()
    try file.withBytes { bytes in
      var scanner = JSONScanner(bytes, name: path)
      try scanner.object { scanner in
        let name = scanner.string
        try names.add(name: name, id: scanner.tokenID(), file: path)
      }
      try scanner.finish()
    }
    if let stray = names.foreign.keys.min() {
      throw InputError("\(path): token \"\(stray)\" is not written in the byte-level alphabet")
    }
    return names
  }

  private static func readMerges(path: String, names: TokenNames) throws -> [Merge] {
    let lines = try MappedFile(path: path).withBytes { bytes in
      bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
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
    return try MergeResolver(names: names, file: path).resolve(pairs)
  }
}
