import CastleTokenizer

/// A token of an answer.
struct ScoredToken: Sendable, Hashable {
  /// A token that could have come.
  struct Alternative: Sendable, Hashable {
    var id: Int32
    var bytes: [UInt8]
    var logProbability: Double

    /// Its text; see ``ScoredToken/name(_:)``.
    var name: String { ScoredToken.name(bytes) }
  }

  var id: Int32
  var bytes: [UInt8]
  /// The number of Unicode scalars of the text before it.
  var offset: Int
  /// Nil for the first token of a prompt, which nothing precedes.
  var logProbability: Double?
  /// The most probable tokens, the best first.
  var alternatives: [Alternative] = []

  /// Its text; see ``name(_:)``.
  var name: String { Self.name(bytes) }

  /// The text of a token, or `bytes:\xe2\x80` if its bytes are no text of their own, as OpenAI has it.
  static func name(_ bytes: [UInt8]) -> String {
    String(validating: bytes, as: UTF8.self) ?? "bytes:" + bytes.map(escaped).joined()
  }

  private static func escaped(_ byte: UInt8) -> String {
    "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}

/// Where tokens begin in a text, in Unicode scalars.
struct TokenOffsets: Sendable {
  private var stream = TextStream()
  private var count = 0

  /// The place of the next token, of the given bytes.
  mutating func next(_ bytes: [UInt8]) -> Int {
    defer { count += stream.append(bytes).unicodeScalars.count }
    return count
  }
}
