/// Encodes text with one tokenizer, remembering the words that it has met.
///
/// Faster than ``Tokenizer/encode(_:specialTokens:invalidBytes:)`` for more than one text. Each thread needs an
/// encoder of its own.
public final class TokenEncoder {
  /// The tokenizer.
  public let tokenizer: Tokenizer

  private let preTokenizer = PreTokenizer()
  private let cache = WordCache()
  private var merger: WordMerger

  /// An encoder that has met no words yet.
  public init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    merger = WordMerger(merges: tokenizer.merges, byteTokens: tokenizer.byteTokens)
  }

  /// Appends the tokens of a whole text to `tokens`.
  public func encode(
    _ text: UnsafeBufferPointer<UInt8>, specialTokens: SpecialTokenReading = .recognized,
    invalidBytes: InvalidBytes = .replaced, into tokens: inout [Int32]
  ) {
    if invalidBytes == .replaced, let repaired = UTF8Decoding.repaired(text) {
      repaired.withUnsafeBufferPointer { encodeValid($0, specialTokens, &tokens) }
    } else {
      encodeValid(text, specialTokens, &tokens)
    }
  }

  /// Splits out the tokens that are not normalised, then, in what is left, those that are.
  private func encodeValid(
    _ text: UnsafeBufferPointer<UInt8>, _ specialTokens: SpecialTokenReading, _ tokens: inout [Int32]
  ) {
    guard let base = text.baseAddress else { return }
    let matchers = tokenizer.matchers(specialTokens)
    encodeSplitting(base, 0..<text.count, matchers[...], &tokens)
  }

  private func encodeSplitting(
    _ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ matchers: ArraySlice<AddedTokenMatcher>,
    _ tokens: inout [Int32]
  ) {
    guard let matcher = matchers.first else {
      return encodeWords(text, range, &tokens)
    }
    var position = range.lowerBound
    while let match = matcher.first(in: text, from: position, to: range.upperBound) {
      encodeSplitting(text, position..<match.range.lowerBound, matchers.dropFirst(), &tokens)
      tokens.append(match.id)
      position = match.range.upperBound
    }
    encodeSplitting(text, position..<range.upperBound, matchers.dropFirst(), &tokens)
  }

  private func encodeWords(_ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ tokens: inout [Int32]) {
    // The output is written through a pointer into room that is certain to suffice: no word has more tokens
    // than bytes.
    let end = range.upperBound
    var position = range.lowerBound
    let roomPerRound = 1 << 14
    while position < end {
      let written = tokens.count
      let roundEnd = min(end, position + roomPerRound)
      tokens.reserveCapacity(written + roomPerRound)
      while position < roundEnd {
        let wordEnd = preTokenizer.wordEnd(text, from: position, to: end)
        encodeWord(text + position, length: wordEnd - position, readable: end - position, &tokens)
        position = wordEnd
      }
    }
  }

  @inline(__always)
  private func encodeWord(
    _ word: UnsafePointer<UInt8>, length: Int, readable: Int, _ tokens: inout [Int32]
  ) {
    guard length <= WordCache.longestWord else {
      merger.withTokens(of: UnsafeBufferPointer(start: word, count: length)) {
        tokens.append(contentsOf: $0)
      }
      return
    }
    let key = WordCache.key(word, length: length, readable: readable)
    if let known = cache.find(key) {
      tokens.append(known[0])
      guard known[1] >= 0 else { return }
      tokens.append(known[1])
      guard known[2] >= 0 else { return }
      tokens.append(known[2])
      guard known[3] >= 0 else { return }
      tokens.append(known[3])
      return
    }
    merger.withTokens(of: UnsafeBufferPointer(start: word, count: length)) { found in
      if (1...WordCache.mostTokens).contains(found.count) { cache.insert(key, found) }
      tokens.append(contentsOf: found)
    }
  }
}
