/// A pattern of a published tokenizer, written out as a scan over bytes: it cuts all of a text into
/// pre-tokens.
///
/// Bytes that are not UTF-8 count as U+FFFD, one for each maximal subpart.
protocol PreTokenScanner: Sendable {
  /// The end of the pre-token that starts at `start`, which is below `end`.
  func preTokenEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int
}

extension PreTokenScanner {
  /// The end of the run of line feeds, carriage returns, and slashes if `orSlashes`, at `start`.
  @inline(__always)
  static func lineEndRun(
    _ text: UnsafePointer<UInt8>, from start: Int, to end: Int, orSlashes: Bool = false
  ) -> Int {
    var position = start
    while position < end, isLineEnd(text[position]) || orSlashes && text[position] == UInt8(ascii: "/") {
      position += 1
    }
    return position
  }

  @inline(__always)
  static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+` at the white space at `start`: up to the last line end of the run, if there
  /// is one; else all of it at the end of the text; else all but the last character, unless it is the only
  /// one.
  @inline(__always)
  static func spaceEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    let space = CharacterClass.space.rawValue
    var position = start
    var last = start
    var lineEnd = -1
    var length = 1
    while position < end {
      guard CharacterClasses.of(text, at: position, to: end, length: &length) == space else {
        if lineEnd >= 0 { return lineEnd }
        return last > start ? last : position
      }
      last = position
      position += length
      if isLineEnd(text[last]) { lineEnd = position }
    }
    return lineEnd >= 0 ? lineEnd : end
  }

  /// The length of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at the apostrophe at `start`, or 0.
  @inline(__always)
  static func contraction(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    guard start + 1 < end else { return 0 }
    switch text[start + 1] | 0x20 {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return start + 2 < end && text[start + 2] | 0x20 == UInt8(ascii: "e") ? 3 : 0
    case UInt8(ascii: "l"):
      return start + 2 < end && text[start + 2] | 0x20 == UInt8(ascii: "l") ? 3 : 0
    default:
      // The long s, U+017F, is an s in another case.
      return start + 2 < end && text[start + 1] == 0xC5 && text[start + 2] == 0xBF ? 3 : 0
    }
  }
}

extension CharacterClasses {
  /// The class of the character at `position`; `length` becomes its length in bytes.
  @inline(__always)
  static func of(_ text: UnsafePointer<UInt8>, at position: Int, to end: Int, length: inout Int) -> UInt8 {
    let kind = ofFirstByte[Int(text[position])]
    if kind == CharacterClass.unknown.rawValue {
      return wideClass(text, at: position, to: end, length: &length)
    }
    length = 1
    return kind
  }

  @inline(never)
  private static func wideClass(
    _ text: UnsafePointer<UInt8>, at position: Int, to end: Int, length: inout Int
  ) -> UInt8 {
    let value = UTF8Decoding.scalar(text, at: position, to: end, length: &length)
    return value < tableSize ? table[Int(value)] : CharacterClass.other.rawValue
  }
}
