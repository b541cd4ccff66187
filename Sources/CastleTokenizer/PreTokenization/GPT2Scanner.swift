/// The pattern of GPT-2, and of the pre-tokenizer ByteLevel:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
struct GPT2Scanner: PreTokenScanner, @unchecked Sendable {
  private let firstByteClasses = CharacterClasses.ofFirstByte

  private static let space = CharacterClass.space.rawValue
  private static let unknown = CharacterClass.unknown.rawValue

  @inline(__always)
  func preTokenEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var position = start
    let first = text[start]
    if first == UInt8(ascii: "'") {
      let suffix = contractionLength(text, from: start, to: end)
      if suffix > 0 { return start + suffix }
    } else if first == UInt8(ascii: " ") {
      position += 1
      guard position < end else { return end }
    }
    var length = 1
    let kind = characterClass(text, at: position, to: end, length: &length)
    if kind == Self.space {
      return spaceEnd(text, from: start, to: end)
    }
    position += length
    while position < end {
      guard characterClass(text, at: position, to: end, length: &length) == kind else { break }
      position += length
    }
    return position
  }

  /// The class of the character at `position` and its length in bytes.
  @inline(__always)
  private func characterClass(
    _ text: UnsafePointer<UInt8>, at position: Int, to end: Int, length: inout Int
  ) -> UInt8 {
    let kind = firstByteClasses[Int(text[position])]
    if kind == Self.unknown {
      return CharacterClasses.of(text, at: position, to: end, length: &length)
    }
    length = 1
    return kind
  }

  /// The length of the English contraction that starts with the apostrophe at `start`, or 0.
  @inline(__always)
  private func contractionLength(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    guard start + 1 < end else { return 0 }
    switch text[start + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return start + 2 < end && text[start + 2] == UInt8(ascii: "e") ? 3 : 0
    case UInt8(ascii: "l"):
      return start + 2 < end && text[start + 2] == UInt8(ascii: "l") ? 3 : 0
    default:
      return 0
    }
  }

  /// The end of a run of white space: all of it at the end of the text; else all but its last character,
  /// which may belong to the next pre-token, unless it is the only one.
  private func spaceEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var position = start
    var last = start
    var length = 1
    while position < end {
      guard characterClass(text, at: position, to: end, length: &length) == Self.space else {
        return last > start ? last : position
      }
      last = position
      position += length
    }
    return end
  }
}
