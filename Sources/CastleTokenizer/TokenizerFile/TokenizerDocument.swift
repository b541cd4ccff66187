import CastleFormats

/// What a `tokenizer.json` says, as far as it has been read.
///
/// Everything that would change the ids and is not implemented is refused.
struct TokenizerDocument {
  /// What errors call the file.
  let name: String

  private var names = TokenNames()
  private var mergePairs: [(left: [UInt8], right: [UInt8])] = []
  private var addedTokens: [AddedToken] = []
  private var modelSettings: [String: JSONValue] = [:]
  private var settings: [String: JSONValue] = [:]

  init(name: String) {
    self.name = name
  }

  /// Reads the whole file.
  mutating func read(_ scanner: inout JSONScanner) throws {
    var document = self
    try scanner.object { scanner in
      let key = scanner.text
      switch key {
      case "model": try document.readModel(&scanner)
      case "added_tokens": try document.readAddedTokens(try scanner.value())
      default: document.settings[key] = try scanner.value()
      }
    }
    try scanner.finish()
    self = document
  }

  private mutating func readModel(_ scanner: inout JSONScanner) throws {
    var document = self
    try scanner.object { scanner in
      let key = scanner.text
      switch key {
      case "vocab" where scanner.isNext("{"):
        try scanner.object { scanner in
          let name = scanner.string
          try document.names.add(name: name, id: scanner.tokenID(), file: document.name)
        }
      case "merges":
        try scanner.array { try document.readMerge(&$0) }
      default:
        document.modelSettings[key] = try scanner.value()
      }
    }
    self = document
  }

  /// Reads a merge, "a b" or ["a", "b"].
  private mutating func readMerge(_ scanner: inout JSONScanner) throws {
    if scanner.isNext("\"") {
      try scanner.readString()
      let parts = scanner.string.split(
        separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw scanner.malformed("two tokens with one space between") }
      mergePairs.append((Array(parts[0]), Array(parts[1])))
    } else {
      var parts: [[UInt8]] = []
      try scanner.array { scanner in
        try scanner.readString()
        parts.append(scanner.string)
      }
      guard parts.count == 2 else { throw scanner.malformed("a pair of tokens") }
      mergePairs.append((parts[0], parts[1]))
    }
  }

  private mutating func readAddedTokens(_ value: JSONValue) throws {
    guard case .list(let tokens) = value else { throw InputError("\(name): added_tokens is not a list") }
    for token in tokens {
      guard case .string(let content) = token["content"], case .integer(let id) = token["id"],
        let id = Int32(exactly: id), id >= 0, !content.isEmpty
      else {
        throw InputError("\(name) has an added token without a content or without an id of 0 or more")
      }
      for flag in ["single_word", "lstrip", "rstrip"] where token[flag] == .bool(true) {
        throw InputError("\(name): added token \"\(content)\" has \(flag), which is not implemented")
      }
      addedTokens.append(
        AddedToken(
          id: id, content: content, isSpecial: token["special"] == .bool(true),
          isNormalized: token["normalized"] == .bool(true)))
    }
  }

  /// Makes the tokenizer of what was read.
  func tokenizer() throws -> Tokenizer {
    let hasAllBytes = (0...255).allSatisfy { names.id([UInt8($0)]) != nil }
    try TokenizerSettings(name: name, hasAllBytes: hasAllBytes).check(settings, model: modelSettings)
    let merges = try MergeResolver(names: names, file: name).resolve(mergePairs)
    try checkAddedTokens()
    let template = try TextTemplate(postProcessor: settings["post_processor"] ?? .null, file: name)
    do {
      return try Tokenizer(
        vocabulary: names.tokens, merges: merges, addedTokens: addedTokens, template: template)
    } catch let error as InputError {
      throw InputError("\(name): \(error)")
    }
  }

  /// Checks that Python's `tokenizers` would give the added tokens the ids that the file says: that of the
  /// vocabulary, or the next one that is free.
  private func checkAddedTokens() throws {
    var next = Int32(names.count)
    for token in addedTokens {
      let expected = names.id(named: token.content) ?? next
      guard token.id == expected else {
        throw InputError(
          "\(name): added token \"\(token.content)\" has id \(token.id); its place in the vocabulary is "
            + "\(expected)")
      }
      next = max(next, token.id + 1)
    }
    let contents = Set(addedTokens.map(\.content))
    if let stray = names.foreign.keys.sorted().first(where: { !contents.contains($0) }) {
      throw InputError(
        "\(name): token \"\(stray)\" is not written in the byte-level alphabet; only byte-level BPE is implemented"
      )
    }
  }
}

extension JSONScanner {
  /// Reads the id of a token.
  mutating func tokenID() throws -> Int32 { Int32(try wholeNumber(upTo: Int(Int32.max))) }
}

/// Finds the ids of the tokens that merges name.
struct MergeResolver {
  let names: TokenNames
  let file: String

  /// The merges, given by the names of their tokens.
  func resolve(_ pairs: [(left: [UInt8], right: [UInt8])]) throws -> [Merge] {
    try pairs.map { pair in
      let (left, right) = (try bytes(pair.left), try bytes(pair.right))
      return Merge(left: try id(left), right: try id(right), merged: try id(left + right))
    }
  }

  private func bytes(_ name: [UInt8]) throws -> [UInt8] {
    guard let bytes = name.withUnsafeBufferPointer(ByteAlphabet.decode) else {
      throw InputError(
        "\(file): merge of \"\(String(decoding: name, as: UTF8.self))\", which is not in the byte-level alphabet"
      )
    }
    return bytes
  }

  private func id(_ bytes: [UInt8]) throws -> Int32 {
    guard let id = names.id(bytes) else {
      let name = String(decoding: ByteAlphabet.encode(bytes), as: UTF8.self)
      throw InputError("\(file): a merge needs the token \"\(name)\", which is not in the vocabulary")
    }
    return id
  }
}
