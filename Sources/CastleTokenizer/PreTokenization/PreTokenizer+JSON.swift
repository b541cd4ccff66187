import CastleFormats

extension PreTokenizer {
  /// The pre-tokenizer that the part `pre_tokenizer` of a `tokenizer.json` describes.
  ///
  /// - Throws: ``InputError`` without the file's name if it is malformed or has a kind that is not
  ///   implemented.
  init(json: JSONValue) throws {
    var builder = Builder()
    try builder.add(json)
    var stages = builder.stages
    if builder.hasAlphabet {
      // ByteLevel comes last in nearly every file, and then the characters for bytes are never written.
      if case .byteAlphabet = stages.last { stages.removeLast() } else { stages.append(.bytes) }
    }
    self.init(stages: stages, isByteLevel: builder.hasAlphabet)
  }

  private struct Builder {
    var stages: [Stage] = []
    var hasAlphabet = false

    mutating func add(_ json: JSONValue) throws {
      if json == .null { return }
      guard case .string(let type) = json["type"] else {
        throw InputError("its pre_tokenizer has a part without a type")
      }
      switch type {
      case "Sequence":
        guard case .list(let parts) = json["pretokenizers"] else {
          throw InputError("its pre_tokenizer is a Sequence without a list")
        }
        for part in parts { try add(part) }
      case "ByteLevel": try addByteLevel(json)
      case "Split": stages.append(try Self.split(json))
      case "Digits":
        let behavior: Splitter.Behavior =
          json["individual_digits"] == .bool(true) ? .isolated : .contiguous
        addSplitter(ScalarProperties.numeric, behavior)
      case "Punctuation":
        addSplitter(ScalarProperties.punctuation, try Self.behavior(json, default: .isolated))
      case "WhitespaceSplit": addSplitter(ScalarProperties.space, .removed)
      case "Whitespace":
        // \w+|[^\w\s]+, of which only the matches are kept.
        let word = ScalarProperties.wordAndJoiners
        let other = word.union(ScalarProperties.space).complement
        let runs = [word, other].map {
          PatternSyntax.repetition(.set($0), minimum: 1, maximum: PatternSyntax.unlimited, .possessive)
        }
        let program = PatternProgram(.alternatives(runs))!
        stages.append(
          .split(Splitter(pattern: .expression(program), behavior: .removed, isInverted: true)))
      case "CharDelimiterSplit":
        guard case .string(let text) = json["delimiter"], let scalar = text.unicodeScalars.first else {
          throw InputError("its CharDelimiterSplit has no delimiter")
        }
        addSplitter(ScalarSet(values: [scalar.value]), .removed)
      case "Metaspace": stages.append(.metaspace(try Metaspace(json: json)))
      default: throw InputError("its pre_tokenizer \(type) is not implemented")
      }
    }

    private mutating func addSplitter(_ set: ScalarSet, _ behavior: Splitter.Behavior) {
      stages.append(.split(Splitter(pattern: .scalars(ScalarTable(set)), behavior: behavior)))
    }

    private mutating func addByteLevel(_ json: JSONValue) throws {
      guard !hasAlphabet else { throw InputError("its pre_tokenizer has ByteLevel twice") }
      if json["add_prefix_space"] != .bool(false) { stages.append(.prefixSpace) }
      if json["use_regex"] != .bool(false) { stages.append(.gpt2(GPT2Scanner())) }
      stages.append(.byteAlphabet)
      hasAlphabet = true
    }

    private static func behavior(_ json: JSONValue, default standard: Splitter.Behavior) throws
      -> Splitter.Behavior
    {
      if json["behavior"] == .null { return standard }
      guard case .string(let name) = json["behavior"], let behavior = Splitter.Behavior(rawValue: name) else {
        throw InputError("its pre_tokenizer has the unknown behavior \(json["behavior"].text)")
      }
      return behavior
    }

    private static func split(_ json: JSONValue) throws -> Stage {
      let behavior = try behavior(json, default: .isolated)
      let isInverted = json["invert"] == .bool(true)
      if case .string(let pattern) = json["pattern"]["Regex"],
        (behavior, isInverted) == (.isolated, false) || (behavior, isInverted) == (.removed, true),
        let stage = PublishedPattern.stage(for: pattern)
      {
        return stage
      }
      let pattern = try SearchPattern(json: json["pattern"])
      return .split(Splitter(pattern: pattern, behavior: behavior, isInverted: isInverted))
    }
  }
}

extension Metaspace {
  /// Metaspace as a pre-tokenizer or a decoder, also in the form before it had a scheme.
  init(json: JSONValue) throws {
    guard case .string(let text) = json["replacement"], text.unicodeScalars.count == 1 else {
      throw InputError("its Metaspace has a replacement that is not one character")
    }
    let scheme: PrependScheme
    switch (json["prepend_scheme"], json["add_prefix_space"]) {
    case (.null, .bool(false)): scheme = .never
    case (.null, _): scheme = .always
    case (.string(let name), _):
      guard let known = PrependScheme(rawValue: name) else {
        throw InputError("its Metaspace has the unknown prepend_scheme \"\(name)\"")
      }
      scheme = known
    default: throw InputError("its Metaspace has an unknown prepend_scheme")
    }
    self.init(replacement: Array(text.utf8), scheme: scheme, splits: json["split"] != .bool(false))
  }
}

extension SearchPattern {
  /// `{"String": …}` or `{"Regex": …}`.
  init(json: JSONValue) throws {
    if case .string(let text) = json["String"] {
      guard !text.isEmpty else { throw InputError("one of its patterns is empty") }
      self = .literal(Array(text.utf8))
    } else if case .string(let text) = json["Regex"] {
      self = .expression(try PatternProgram(text))
    } else {
      throw InputError("one of its patterns is neither a String nor a Regex")
    }
  }
}
