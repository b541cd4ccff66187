extension Tokenizer {
  /// The last place, above 0, where `text` can be cut so that its two parts have the tokens of the whole; nil
  /// if none is found, or none can be proven for this tokenizer.
  ///
  /// It is a place between a character that is not white space and a space (with GPT-2's pre-tokenizer any of
  /// ASCII's white space), and in no occurrence of an added token.
  package func lastSafeCut(in text: UnsafeBufferPointer<UInt8>, specialTokens: SpecialTokenReading) -> Int? {
    let matchers = matchers(specialTokens)
    let isNormalized = !pipeline.normalizer.steps.isEmpty
    guard let base = text.baseAddress, pipeline.preTokenizer.cutsBeforeSpaces, pipeline.normalizer.keepsCuts,
      !matchers.all.contains(where: \.seesSurroundings), !isNormalized || matchers.normalized == nil
    else { return nil }
    let takesAllSpaces = pipeline.preTokenizer.isGPT2
    let longest = matchers.all.map(\.longest).max() ?? 0
    var place = text.count - max(longest, 1)
    while place > 0 {
      if base[place] == 0x20 || takesAllSpaces && Self.isASCIISpace(base[place]),
        Self.endsWithText(base, at: place, onlyASCII: isNormalized),
        !matchers.all.contains(where: { $0.spans(place, in: text) })
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

  /// Whether the character before `end` is whole and not white space, and ASCII if it must be.
  private static func endsWithText(_ text: UnsafePointer<UInt8>, at end: Int, onlyASCII: Bool) -> Bool {
    var start = end - 1
    if text[start] < 0x80 { return !isASCIISpace(text[start]) }
    if onlyASCII { return false }
    while start > max(0, end - 4), text[start] & 0xC0 == 0x80 { start -= 1 }
    guard case .scalar(let value, let length) = UTF8Decoding.step(text, from: start, to: end),
      start + length == end
    else { return false }
    return value >= CharacterClasses.tableSize
      || CharacterClasses.table[Int(value)] != CharacterClass.space.rawValue
  }
}
