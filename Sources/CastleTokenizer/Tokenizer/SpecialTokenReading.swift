/// How the text of special tokens is read.
public enum SpecialTokenReading: Sendable {
  /// `<|endoftext|>` in a text is the special token.
  case recognized
  /// `<|endoftext|>` in a text is thirteen ordinary characters; no text can forge a special token.
  case ordinary
}
