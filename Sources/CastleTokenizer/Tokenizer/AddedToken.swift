/// A token that stands for a whole string of its own, found before any other tokenisation.
public struct AddedToken: Sendable, Hashable {
  /// The id.
  public var id: Int32
  /// The text that it stands for.
  public var content: String
  /// Whether it is a mark rather than text: `<|endoftext|>` is, a frequent word is not.
  public var isSpecial: Bool
  /// Whether it is looked for only in what the tokens without this property leave over, as in Python's
  /// `tokenizers`, where it says that the token is looked for after normalisation.
  public var isNormalized: Bool

  /// A token `content` with the given id.
  public init(id: Int32, content: String, isSpecial: Bool = true, isNormalized: Bool = false) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
    self.isNormalized = isNormalized
  }
}

/// How the text of special tokens is read.
public enum SpecialTokenReading: Sendable {
  /// `<|endoftext|>` in a text is the special token.
  case recognized
  /// `<|endoftext|>` in a text is thirteen ordinary characters; no text can forge a mark.
  case ordinary
}

/// What becomes of bytes that are not UTF-8.
public enum InvalidBytes: String, Sendable, Codable, CaseIterable {
  /// U+FFFD takes the place of every maximal subpart, as with Python's `errors="replace"`.
  case replaced
  /// They are kept: decoding gives the same bytes again. Words are cut as if they were U+FFFD.
  case kept
}
