/// What o200k's pre-tokenizer needs to know of a character.
enum LetterCase: UInt8 {
  /// `\p{Lu}` and `\p{Lt}`.
  case upper
  /// `\p{Lm}` and `\p{Lo}`.
  case caseless
  /// `\p{M}`.
  case mark
  /// `\p{Ll}`.
  case lower
  /// `\p{N}`.
  case number
  /// `\s`.
  case space
  /// Anything else.
  case other

  /// The class of the character at `position`; `length` becomes its length in bytes.
  @inline(__always)
  static func of(
    _ text: UnsafePointer<UInt8>, at position: Int, to end: Int, length: inout Int
  ) -> UInt8 {
    let byte = text[position]
    if byte < 0x80 {
      length = 1
      return CharacterClasses.letterCases[Int(byte)]
    }
    let value = UTF8Decoding.scalar(text, at: position, to: end, length: &length)
    if value < CharacterClasses.tableSize { return CharacterClasses.letterCases[Int(value)] }
    return (0xE0100...0xE01EF).contains(value) ? mark.rawValue : other.rawValue
  }
}
