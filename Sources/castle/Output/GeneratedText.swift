import CastleFormats
import CastleGeneration
import CastleTokenizer

/// The text that a generator writes: valid UTF-8, up to the first of some stop strings.
///
/// Half a character, and what may be the start of a stop string, waits for the tokens that decide.
struct GeneratedText {
  /// All text so far.
  private(set) var text = ""

  private var filter: StopSequenceFilter<UInt8>
  private var stream = TextStream()

  /// No text yet; it will end before any of `stops`.
  init(stops: [[UInt8]]) {
    filter = StopSequenceFilter(stops)
  }

  /// Whether a stop string has come.
  var isStopped: Bool { filter.isStopped }

  /// Runs `generator` to its end or to a stop string, and gives each piece of text to `emit`.
  mutating func write(_ generator: Generator, _ tokenizer: Tokenizer, emit: (String) throws -> Void) throws {
    func give(_ part: String) throws {
      guard !part.isEmpty else { return }
      text += part
      try emit(part)
    }
    while !filter.isStopped, let token = try generator.next() {
      try give(stream.append(filter.append(tokenizer.bytes(of: token))))
    }
    try give(stream.append(filter.finish()) + stream.finish())
  }
}
