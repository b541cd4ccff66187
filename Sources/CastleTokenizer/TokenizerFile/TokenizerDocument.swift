import CastleFormats

/// What a `tokenizer.json` says, as far as it has been read.
///
/// Everything that would change the ids and is not implemented is refused. Truncation and padding are for
/// batches; as in transformers, a text by itself knows neither.
struct TokenizerDocument {
  /// What errors call the file.
  let name: String

  private var names = TokenNames()
  private var mergePairs: [(left: [UInt8], right: [UInt8])] = []
  private var addedTokens: [AddedToken] = []
  private var modelSettings: JSONValue.Members = [:]
  private var settings: JSONValue.Members = [:]

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
      var added = AddedToken(
        id: id, content: content, isSpecial: token["special"] == .bool(true),
        isNormalized: token["normalized"] == .bool(true))
      added.readFlags(token)
      addedTokens.append(added)
    }
  }

  /// Takes over what other files of the folder say.
  mutating func apply(_ folder: FolderSettings) throws {
    if let addsPrefixSpace = folder.addsPrefixSpace, case .object(var byteLevel) = settings["pre_tokenizer"],
      byteLevel["type"] == .string("ByteLevel"), byteLevel["add_prefix_space"] != .bool(addsPrefixSpace)
    {
      // Versions of transformers differ in what they make of this, but for GPT-2's own class.
      guard folder.tokenizerClass == "GPT2Tokenizer" else {
        throw InputError(
          "\(name) and the tokenizer_config.json beside it contradict each other in add_prefix_space; "
            + "set both to the same value")
      }
      byteLevel["add_prefix_space"] = .bool(addsPrefixSpace)
      settings["pre_tokenizer"] = .object(byteLevel)
    }
    addedTokens = try folder.added(to: addedTokens, names: names)
  }

  /// Makes the tokenizer of what was read.
  func tokenizer() throws -> Tokenizer {
    do {
      let settings = TokenizerSettings(name: name)
      try settings.check(self.settings)
      let pipeline = try TokenizerPipeline(parts: self.settings, settings: settings.model(modelSettings))
      let isByteLevel = pipeline.preTokenizer.isByteLevel
      try checkAddedTokens()
      let merges = try MergeResolver(names: names, isByteLevel: isByteLevel).resolve(mergePairs)
      let (vocabulary, strangers) = names.tokens(isByteLevel: isByteLevel)
      return try Tokenizer(
        vocabulary: vocabulary, strangers: strangers, merges: merges, addedTokens: addedTokens,
        pipeline: pipeline,
        template: TextTemplate(postProcessor: self.settings["post_processor"] ?? .null, file: name))
    } catch let error as InputError {
      throw error.within("\(name)")
    }
  }

  /// Checks that Python's `tokenizers` would give the added tokens the ids that the file says: that of the
  /// vocabulary, or the next one that is free.
  private func checkAddedTokens() throws {
    var next = Int32(names.count)
    for token in addedTokens {
      let expected = names.id(token.content.utf8) ?? next
      guard token.id == expected else {
        throw InputError(
          "\(name): added token \"\(token.content)\" has id \(token.id); its place in the vocabulary is "
            + "\(expected)")
      }
      next = max(next, token.id + 1)
    }
  }
}

extension AddedToken {
  /// Reads how the token is found, where `json` says it.
  mutating func readFlags(_ json: JSONValue) {
    stripsLeft = json["lstrip"] == .bool(true)
    stripsRight = json["rstrip"] == .bool(true)
    isSingleWord = json["single_word"] == .bool(true)
  }
}

extension JSONScanner {
  /// Reads the id of a token.
  mutating func tokenID() throws -> Int32 { Int32(try wholeNumber(upTo: Int(Int32.max))) }
}
