import CastleFormats

/// How the names of tokens become text again.
struct TokenDecoder: Sendable {
  /// One step. Each takes the pieces of text of the one before.
  enum Step: Sendable {
    /// The characters that stand for bytes become them.
    case byteLevel
    /// The character for a space becomes one; in the first piece it is left out if a space was put before the
    /// text.
    case metaspace(Metaspace)
    /// `<0x0A>` becomes the byte.
    case byteFallback
    /// All pieces become one.
    case fuse
    /// Bytes in place of what a pattern finds.
    case replace(SearchPattern, by: [UInt8])
    /// Up to so many of a character are left out at the start and at the end of each piece.
    case strip([UInt8], start: Int, end: Int)
  }

  /// The steps, in order; without any the names are joined as they are.
  var steps: [Step] = []

  /// That of byte-level vocabularies.
  static let byteLevel = TokenDecoder(steps: [.byteLevel])

  /// Whether the bytes of a text are those of its tokens, one after another.
  var joinsTokens: Bool {
    steps.allSatisfy { step in
      switch step {
      case .byteLevel, .byteFallback, .fuse: true
      case .metaspace(let metaspace): metaspace.scheme == .never
      case .replace, .strip: false
      }
    }
  }

  private init(steps: [Step]) { self.steps = steps }

  /// The decoder that the part `decoder` of a `tokenizer.json` describes.
  ///
  /// - Throws: ``InputError`` without the file's name if it is malformed or has a kind that is not
  ///   implemented.
  init(json: JSONValue) throws {
    if json == .null { return }
    guard case .string(let type) = json["type"] else {
      throw InputError("its decoder has a part without a type")
    }
    switch type {
    case "Sequence":
      guard case .list(let parts) = json["decoders"] else {
        throw InputError("its decoder is a Sequence without a list")
      }
      steps = try parts.flatMap { try TokenDecoder(json: $0).steps }
    case "ByteLevel": steps = [.byteLevel]
    case "Metaspace": steps = [.metaspace(try Metaspace(json: json))]
    case "ByteFallback": steps = [.byteFallback]
    case "Fuse": steps = [.fuse]
    case "Replace":
      guard case .string(let content) = json["content"] else {
        throw InputError("its Replace has no content")
      }
      steps = [.replace(try SearchPattern(json: json["pattern"]), by: Array(content.utf8))]
    case "Strip":
      guard case .string(let content) = json["content"], content.unicodeScalars.count == 1,
        case .integer(let start) = json["start"], case .integer(let stop) = json["stop"], start >= 0,
        stop >= 0
      else { throw InputError("its decoder Strip has no character or numbers of it") }
      steps = [.strip(Array(content.utf8), start: start, end: stop)]
    default: throw InputError("its decoder \(type) is not implemented")
    }
  }

  /// The text of tokens, given by their names.
  func decode(_ names: [[UInt8]]) -> [UInt8] {
    Array(steps.reduce(names) { Self.apply($1, to: $0, isWhole: true) }.joined())
  }

  /// What a token in the middle of a text stands for.
  func text(ofName name: [UInt8]) -> [UInt8] {
    Array(steps.reduce([name]) { Self.apply($1, to: $0, isWhole: false) }.joined())
  }

  /// - Parameter isWhole: Whether the pieces are those of a whole text; else they are from its middle.
  private static func apply(_ step: Step, to pieces: [[UInt8]], isWhole: Bool) -> [[UInt8]] {
    switch step {
    case .fuse: return [Array(pieces.joined())]
    case .byteLevel:
      return [Array(pieces.map { $0.withUnsafeBufferPointer(ByteAlphabet.decode) ?? $0 }.joined())]
    case .byteFallback: return pieces.map { byte(named: $0).map { [$0] } ?? $0 }
    case .metaspace(let metaspace):
      return pieces.enumerated().map { index, piece in
        let isDropped = isWhole && index == 0 && metaspace.scheme != .never
        return replace(.literal(metaspace.replacement), in: piece, by: isDropped ? [] : [0x20])
      }
    case .replace(let pattern, let content): return pieces.map { replace(pattern, in: $0, by: content) }
    case .strip(let character, let start, let end):
      guard isWhole || pieces.count > 1 else { return pieces }
      return pieces.map { piece in
        var rest = piece[...]
        for _ in 0..<start {
          guard rest.starts(with: character) else { break }
          rest = rest.dropFirst(character.count)
        }
        for _ in 0..<end {
          guard rest.suffix(character.count).elementsEqual(character) else { break }
          rest = rest.dropLast(character.count)
        }
        return Array(rest)
      }
    }
  }

  private static func replace(_ pattern: SearchPattern, in piece: [UInt8], by content: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    piece.withUnsafeBufferPointer { piece in
      guard let base = piece.baseAddress else { return }
      PatternSearch(pattern).forEach(in: base, 0..<piece.count) { range, isMatch in
        if isMatch { result += content } else { result += piece[range] }
      }
    }
    return result
  }

  /// The byte that a token named `<0x0A>` stands for.
  static func byte(named name: [UInt8]) -> UInt8? {
    guard name.count == 6, name.starts(with: "<0x".utf8), name[5] == UInt8(ascii: ">") else { return nil }
    let digits = name[3..<5].map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard let high = digits[0], let low = digits[1], name[3] < 0x80, name[4] < 0x80 else { return nil }
    return UInt8(high << 4 | low)
  }
}
