public import CastleTokenizer

/// Text that is made of tokens as they come: valid UTF-8, up to the first of some stop strings.
///
/// Half a character, and what may be the start of a stop string, waits for the tokens that decide.
///
/// ```swift
/// var text = GeneratedText(tokenizer, stops: ["\n\n"])
/// while !text.isStopped, let token = try generator.next() { print(text.append(token), terminator: "") }
/// print(text.finish())
/// ```
public struct GeneratedText: Sendable {
  private let tokenizer: Tokenizer
  private var filter: StopSequenceFilter
  private var stream = TextStream()

  /// No text yet; it will end before any of `stops`. Empty ones are left out.
  public init(_ tokenizer: Tokenizer, stops: [String] = []) {
    self.tokenizer = tokenizer
    filter = StopSequenceFilter(stops.map { Array($0.utf8) })
  }

  /// Whether a stop string has come.
  public var isStopped: Bool { filter.isStopped }

  /// Takes in a token and returns the text that is now certain. A token that the tokenizer does not have
  /// gives nothing.
  public mutating func append(_ token: Int32) -> String {
    stream.append(filter.append(tokenizer.bytes(of: token)))
  }

  /// Ends the text: returns what was held back, U+FFFD for a character that was left incomplete.
  public mutating func finish() -> String {
    stream.append(filter.finish()) + stream.finish()
  }
}
