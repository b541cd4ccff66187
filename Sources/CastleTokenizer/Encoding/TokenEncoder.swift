/// Encodes text with one tokenizer, remembering the pre-tokens that it has met.
///
/// Faster than ``Tokenizer/encode(_:specialTokens:invalidBytes:)`` for more than one text. Each thread needs
/// an encoder of its own.
public final class TokenEncoder {
  /// The tokenizer.
  public let tokenizer: Tokenizer

  private let normalizer: TextNormalizer
  private let cutter: PreTokenCutter
  private let cache = PreTokenCache()
  private let longCache = LongPreTokenCache()
  private let merger: PreTokenMerger

  /// Tokens on their way to the caller's array.
  private let room: UnsafeMutablePointer<Int32>

  /// An encoder that has met no pre-tokens yet.
  public init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    normalizer = TextNormalizer(tokenizer.pipeline.normalizer)
    cutter = PreTokenCutter(tokenizer.pipeline.preTokenizer)
    merger = PreTokenMerger(tokenizer.model)
    room = .allocate(capacity: TokenSink.roomCount)
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

  /// As ``encode(_:specialTokens:invalidBytes:into:)`` for a text in which bytes that are not UTF-8 are to be
  /// kept.
  ///
  /// Splits out the added tokens that are not normalized, then, in what is left and normalized, those that
  /// are.
  package func encodeChecked(
    _ text: UnsafeBufferPointer<UInt8>, specialTokens: SpecialTokenReading, into tokens: inout [Int32]
  ) {
    guard let base = text.baseAddress else { return }
    let matchers = tokenizer.matchers(specialTokens)
    guard let matcher = matchers.raw else {
      return encodeNormalizing(base, 0..<text.count, matchers.normalized, &tokens)
    }
    matcher.split(base, 0..<text.count) { range, id in
      if let id {
        tokens.append(id)
      } else {
        encodeNormalizing(base, range, matchers.normalized, &tokens)
      }
    }
  }

  private func encodeNormalizing(
    _ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ matcher: AddedTokenMatcher?, _ tokens: inout [Int32]
  ) {
    let isStart = range.lowerBound == 0
    guard !normalizer.isEmpty else {
      return encodeSplitting(text, range, isStart: isStart, matcher, &tokens)
    }
    let piece = UnsafeBufferPointer(start: text + range.lowerBound, count: range.count)
    let (changed, losesStart) = normalizer.normalized(piece)
    guard let changed else { return encodeSplitting(text, range, isStart: isStart, matcher, &tokens) }
    changed.withUnsafeBufferPointer { changed in
      guard let base = changed.baseAddress else { return }
      encodeSplitting(base, 0..<changed.count, isStart: isStart && !losesStart, matcher, &tokens)
    }
  }

  private func encodeSplitting(
    _ text: UnsafePointer<UInt8>, _ range: Range<Int>, isStart: Bool, _ matcher: AddedTokenMatcher?,
    _ tokens: inout [Int32]
  ) {
    guard let matcher else { return encodePreTokens(text, range, isStart: isStart, &tokens) }
    matcher.split(text, range) { piece, id in
      if let id {
        tokens.append(id)
      } else {
        encodePreTokens(text, piece, isStart: isStart && piece.lowerBound == range.lowerBound, &tokens)
      }
    }
  }

  private func encodePreTokens(
    _ text: UnsafePointer<UInt8>, _ range: Range<Int>, isStart: Bool, _ tokens: inout [Int32]
  ) {
    var sink = TokenSink(
      cache: cache, longCache: longCache, merger: merger, room: room, tokens: tokens)
    // The sink has the only reference to the array, so that nothing is copied.
    tokens = []
    cutter.cut(text, range, isStart: isStart, into: &sink)
    sink.flush()
    tokens = sink.tokens
  }
}

/// Encodes pre-tokens.
private struct TokenSink: PreTokenVisitor {
  let cache: PreTokenCache
  let longCache: LongPreTokenCache
  let merger: PreTokenMerger
  let room: UnsafeMutablePointer<Int32>
  var tokens: [Int32]
  private var filled = 0

  static let roomCount = 1 << 13

  init(
    cache: PreTokenCache, longCache: LongPreTokenCache, merger: PreTokenMerger,
    room: UnsafeMutablePointer<Int32>, tokens: [Int32]
  ) {
    self.cache = cache
    self.longCache = longCache
    self.merger = merger
    self.room = room
    self.tokens = tokens
  }

  @inline(__always)
  mutating func visit(_ text: UnsafePointer<UInt8>, count: Int, readable: Int) {
    if filled + PreTokenCache.mostTokens > Self.roomCount { flush() }
    if count <= PreTokenCache.longest {
      let key = PreTokenCache.key(text, length: count, readable: readable)
      if let known = cache.find(key) {
        UnsafeMutableRawPointer(room + filled).storeBytes(of: known, as: SIMD4<Int32>.self)
        filled += 1 + (known[1] < 0 ? 0 : known[2] < 0 ? 1 : known[3] < 0 ? 2 : 3)
      } else {
        merge(text, count: count, key: key)
      }
    } else {
      mergeLong(UnsafeBufferPointer(start: text, count: count))
    }
  }

  @inline(never)
  private mutating func merge(_ text: UnsafePointer<UInt8>, count: Int, key: PreTokenCache.Key) {
    flush()
    merger.withTokens(of: UnsafeBufferPointer(start: text, count: count)) { found in
      if (1...PreTokenCache.mostTokens).contains(found.count) { cache.insert(key, found) }
      tokens.append(contentsOf: found)
    }
  }

  @inline(never)
  private mutating func mergeLong(_ preToken: UnsafeBufferPointer<UInt8>) {
    flush()
    let isKept = preToken.count <= LongPreTokenCache.longest
    let hash = isKept ? LongPreTokenCache.hash(preToken) : 0
    if isKept, longCache.append(preToken, hash: hash, to: &tokens) { return }
    merger.withTokens(of: preToken) { found in
      if isKept { longCache.insert(preToken, hash: hash, found) }
      tokens.append(contentsOf: found)
    }
  }

  /// Appends what is in the room.
  mutating func flush() {
    tokens.append(contentsOf: UnsafeBufferPointer(start: room, count: filled))
    filled = 0
  }
}
