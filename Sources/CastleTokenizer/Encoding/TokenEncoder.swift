/// Encodes text with one tokenizer, remembering the words that it has met.
///
/// Faster than ``Tokenizer/encode(_:specialTokens:invalidBytes:)`` for more than one text. Each thread needs an
/// encoder of its own.
public final class TokenEncoder {
  /// The tokenizer.
  public let tokenizer: Tokenizer

  private let preTokenizer = PreTokenizer()
  private let cache = WordCache()
  private let merger: WordMerger

  /// Tokens on their way to the caller's array.
  private let room: UnsafeMutablePointer<Int32>
  private static let roomCount = 1 << 13

  /// An encoder that has met no words yet.
  public init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    merger = WordMerger(merges: tokenizer.merges, byteTokens: tokenizer.byteTokens)
    room = .allocate(capacity: Self.roomCount)
  }

  deinit { room.deallocate() }

  /// Appends the tokens of a whole text to `tokens`.
  public func encode(
    _ text: UnsafeBufferPointer<UInt8>, specialTokens: SpecialTokenReading = .recognized,
    invalidBytes: InvalidBytes = .replaced, into tokens: inout [Int32]
  ) {
    if invalidBytes == .replaced, let repaired = UTF8Decoding.repaired(text) {
      repaired.withUnsafeBufferPointer { encodeChecked($0, specialTokens: specialTokens, into: &tokens) }
    } else {
      encodeChecked(text, specialTokens: specialTokens, into: &tokens)
    }
  }

  /// As ``encode(_:specialTokens:invalidBytes:into:)`` for a text in which bytes that are not UTF-8 are to be kept.
  ///
  /// Splits out the added tokens that are not normalised, then, in what is left, those that are.
  package func encodeChecked(
    _ text: UnsafeBufferPointer<UInt8>, specialTokens: SpecialTokenReading, into tokens: inout [Int32]
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
    let end = range.upperBound
    var position = range.lowerBound
    var filled = 0
    while position < end {
      let wordEnd = preTokenizer.wordEnd(text, from: position, to: end)
      let word = UnsafeBufferPointer(start: text + position, count: wordEnd - position)
      if filled + max(word.count, WordCache.mostTokens) > Self.roomCount {
        tokens.append(contentsOf: UnsafeBufferPointer(start: room, count: filled))
        filled = 0
      }
      if word.count <= WordCache.longestWord {
        filled += encodeShort(word, readable: end - position, to: room + filled)
      } else if word.count <= Self.roomCount {
        filled += merger.merge(word, to: room + filled)
      } else {
        merger.mergeLong(word, onto: &tokens)
      }
      position = wordEnd
    }
    tokens.append(contentsOf: UnsafeBufferPointer(start: room, count: filled))
  }

  /// Encodes a word that fits the cache and returns the number of its tokens; at `output` is room for as many as
  /// the word has bytes and for ``WordCache/mostTokens``.
  @inline(__always)
  private func encodeShort(
    _ word: UnsafeBufferPointer<UInt8>, readable: Int, to output: UnsafeMutablePointer<Int32>
  ) -> Int {
    let key = WordCache.key(word.baseAddress!, length: word.count, readable: readable)
    if let known = cache.find(key) {
      UnsafeMutableRawPointer(output).storeBytes(of: known, as: SIMD4<Int32>.self)
      return 1 + (known[1] < 0 ? 0 : known[2] < 0 ? 1 : known[3] < 0 ? 2 : 3)
    }
    let count = merger.merge(word, to: output)
    if (1...WordCache.mostTokens).contains(count) {
      cache.insert(key, UnsafeBufferPointer(start: output, count: count))
    }
    return count
  }
}
