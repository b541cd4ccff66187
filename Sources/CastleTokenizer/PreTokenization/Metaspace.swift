/// Metaspace: spaces become a visible character, and one is put before a text.
struct Metaspace: Sendable {
  /// Which pieces get the character in front, if they do not start with it.
  enum PrependScheme: String, Sendable {
    /// All.
    case always
    /// The one that starts the text.
    case first
    /// None.
    case never
  }

  /// The character, mostly U+2581.
  let replacement: [UInt8]
  let scheme: PrependScheme
  /// Whether every such character starts a pre-token.
  let splits: Bool

  /// Whether a space or the character stands at `position`.
  @inline(__always)
  func isSpace(_ text: UnsafePointer<UInt8>, at position: Int, to end: Int) -> Bool {
    if text[position] == 0x20 { return true }
    guard text[position] == replacement[0], position + replacement.count <= end else { return false }
    return replacement.indices.allSatisfy { text[position + $0] == replacement[$0] }
  }
}
