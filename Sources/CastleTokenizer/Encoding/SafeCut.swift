extension Tokenizer {
  /// The last place, above 0, where `text` can be cut so that its two parts have the tokens of the whole; nil if
  /// none is found.
  ///
  /// It is a place between a character that is not white space and one of ASCII's white space, and in no
  /// occurrence of an added token.
  package func lastSafeCut(in text: UnsafeBufferPointer<UInt8>, specialTokens: SpecialTokenReading) -> Int? {
    guard let base = text.baseAddress else { return nil }
    let matchers = matchers(specialTokens)
    let longest = matchers.map(\.longest).max() ?? 0
    var place = text.count - max(longest, 1)
    while place > 0 {
      if Self.isASCIISpace(base[place]), Self.endsWithText(base, at: place),
        !matchers.contains(where: { $0.spans(place, in: text) })
      {
        return place
      }
      place -= 1
    }
    return nil
  }

  private static func isASCIISpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }

  /// Whether the character before `end` is whole and not white space.
  private static func endsWithText(_ text: UnsafePointer<UInt8>, at end: Int) -> Bool {
    var start = end - 1
    if text[start] < 0x80 { return !isASCIISpace(text[start]) }
    while start > max(0, end - 4), text[start] & 0xC0 == 0x80 { start -= 1 }
    guard case .scalar(let value, let length) = UTF8Decoding.step(text, from: start, to: end),
      start + length == end
    else { return false }
    return value >= CharacterClasses.tableSize
      || CharacterClasses.table[Int(value)] != CharacterClass.space.rawValue
  }
}

extension AddedTokenMatcher {
  /// Whether a token occurs that starts before `place` and ends after it.
  func spans(_ place: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard longest > 1, let base = text.baseAddress else { return false }
    let end = min(text.count, place + longest - 1)
    return (max(0, place - longest + 1)..<place).contains { start in
      guard let match = first(in: base, from: start, to: end) else { return false }
      return match.range.lowerBound < place && match.range.upperBound > place
    }
  }
}
