/// What becomes of bytes that are not UTF-8.
public enum InvalidBytes: String, Sendable, Codable, CaseIterable {
  /// U+FFFD takes the place of every maximal subpart, as with Python's `errors="replace"`.
  case replaced
  /// They are kept: decoding gives the same bytes again. Pre-tokens are cut as if they were U+FFFD.
  case kept
}
