/// The pattern of cl100k and Llama 3, with numbers of up to three digits, and of Qwen 2, with single digits:
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
///     |\s*[\r\n]+|\s+(?!\S)|\s+
struct CL100KScanner: PreTokenScanner {
  /// The longest number, in digits.
  let mostDigits: Int

  private static let letter = CharacterClass.letter.rawValue
  private static let number = CharacterClass.number.rawValue
  private static let space = CharacterClass.space.rawValue
  private static let other = CharacterClass.other.rawValue

  @inline(__always)
  func preTokenEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    let first = text[start]
    if first == UInt8(ascii: "'") {
      let suffix = Self.contraction(text, from: start, to: end)
      if suffix > 0 { return start + suffix }
    }
    var length = 1
    let kind = CharacterClasses.of(text, at: start, to: end, length: &length)
    var position = start + length
    if kind == Self.letter { return run(of: kind, text, from: position, to: end) }
    if kind == Self.number {
      var digits = 1
      while position < end, digits < mostDigits,
        CharacterClasses.of(text, at: position, to: end, length: &length) == kind
      {
        position += length
        digits += 1
      }
      return position
    }
    if position < end, !Self.isLineEnd(first) {
      let next = CharacterClasses.of(text, at: position, to: end, length: &length)
      if next == Self.letter { return run(of: next, text, from: position + length, to: end) }
      if next == Self.other, first == UInt8(ascii: " ") || kind == Self.other {
        position = run(of: next, text, from: position + length, to: end)
        return Self.lineEndRun(text, from: position, to: end)
      }
    }
    if kind == Self.other { return Self.lineEndRun(text, from: position, to: end) }
    return Self.spaceEnd(text, from: start, to: end)
  }

  /// The end of the run of characters of one class that goes on at `start`.
  @inline(__always)
  private func run(of kind: UInt8, _ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var position = start
    var length = 1
    while position < end, CharacterClasses.of(text, at: position, to: end, length: &length) == kind {
      position += length
    }
    return position
  }
}
