/// The pattern of o200k, where U is `\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}` and L is `\p{Ll}\p{Lm}\p{Lo}\p{M}`:
///
///     [^\r\n\p{L}\p{N}]?[U]*[L]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
///     |[^\r\n\p{L}\p{N}]?[U]+[L]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
///     |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
///
/// Tekken is the same without contractions and with single digits.
struct O200KScanner: PreTokenScanner {
  /// The longest number, in digits.
  let mostDigits: Int
  /// Whether English contractions belong to the word before them.
  let joinsContractions: Bool

  private static let upper = LetterCase.upper.rawValue
  private static let mark = LetterCase.mark.rawValue
  private static let lower = LetterCase.lower.rawValue
  private static let number = LetterCase.number.rawValue
  private static let space = LetterCase.space.rawValue

  @inline(__always)
  func preTokenEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var length = 1
    let kind = LetterCase.of(text, at: start, to: end, length: &length)
    var position = start + length
    if kind <= Self.lower, kind != Self.mark {
      return wordEnd(text, from: start, to: end, requiringLower: false)
    }
    if kind == Self.number {
      var digits = 1
      while position < end, digits < mostDigits,
        LetterCase.of(text, at: position, to: end, length: &length) == kind
      {
        position += length
        digits += 1
      }
      return position
    }
    if !Self.isLineEnd(text[start]), position < end,
      LetterCase.of(text, at: position, to: end, length: &length) <= Self.lower
    {
      let word = wordEnd(text, from: position, to: end, requiringLower: kind == Self.mark)
      if word > position { return word }
    }
    if kind == Self.mark { return contractionEnd(text, from: position, to: end) }
    if text[start] == UInt8(ascii: " ") {
      let others = othersEnd(text, from: position, to: end)
      if others > position { return Self.lineEndRun(text, from: others, to: end, orSlashes: true) }
    }
    if kind == Self.space { return Self.spaceEnd(text, from: start, to: end) }
    return Self.lineEndRun(text, from: othersEnd(text, from: position, to: end), to: end, orSlashes: true)
  }

  /// The end of `[U]*[L]+` or else `[U]+[L]*` and a contraction at `start`; `start` if neither is there, or
  /// only the second where the first is required.
  @inline(__always)
  private func wordEnd(
    _ text: UnsafePointer<UInt8>, from start: Int, to end: Int, requiringLower: Bool
  ) -> Int {
    var position = start
    var length = 1
    var kind = Self.number
    /// Where the last character of the run of U ends that is in L too.
    var lastOfBoth = start
    while position < end {
      kind = LetterCase.of(text, at: position, to: end, length: &length)
      guard kind <= Self.mark else { break }
      position += length
      if kind != Self.upper { lastOfBoth = position }
    }
    if position < end, kind == Self.lower {
      repeat {
        position += length
        guard position < end else { break }
        kind = LetterCase.of(text, at: position, to: end, length: &length)
      } while kind <= Self.lower && kind != Self.upper
      return contractionEnd(text, from: position, to: end)
    }
    if lastOfBoth > start { return contractionEnd(text, from: lastOfBoth, to: end) }
    return requiringLower ? start : contractionEnd(text, from: position, to: end)
  }

  @inline(__always)
  private func contractionEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    guard joinsContractions, start < end, text[start] == UInt8(ascii: "'") else { return start }
    return start + Self.contraction(text, from: start, to: end)
  }

  /// The end of `[^\s\p{L}\p{N}]*` at `start`; marks are among these characters.
  @inline(__always)
  private func othersEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var position = start
    var length = 1
    while position < end {
      let kind = LetterCase.of(text, at: position, to: end, length: &length)
      guard kind == Self.mark || kind > Self.space else { break }
      position += length
    }
    return position
  }
}
