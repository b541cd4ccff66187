/// What GPT-2's pre-tokenizer needs to know of a character.
package enum CharacterClass: UInt8 {
  /// `\p{L}`.
  case letter
  /// `\p{N}`.
  case number
  /// `\s`, Unicode's white space.
  case space
  /// Anything else, bytes that are not UTF-8 included.
  case other
  /// The first byte of a character outside ASCII: the character must be looked up as a whole.
  case unknown
}

/// The class of every Unicode scalar, as of Unicode 16.
///
/// Characters that were assigned later count as ``CharacterClass/other``, so that a text has the same tokens
/// with every standard library that knows Unicode 16 or later, and the same as in Python's `tokenizers`. An
/// older one takes the characters that it does not know for ``CharacterClass/other`` too.
package enum CharacterClasses {
  /// The number of scalars that the table covers; all above are ``CharacterClass/other``.
  static let tableSize = 0x34000

  /// The class of each scalar below ``tableSize``.
  nonisolated(unsafe) static let table: UnsafePointer<UInt8> = {
    let table = UnsafeMutablePointer<UInt8>.allocate(capacity: tableSize)
    for value in 0..<tableSize {
      let scalar = Unicode.Scalar(UInt32(value))
      table[value] = (scalar.map(of) ?? .other).rawValue
    }
    return UnsafePointer(table)
  }()

  /// The class of each byte as the first one of a character.
  nonisolated(unsafe) static let ofFirstByte: UnsafePointer<UInt8> = {
    let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    for byte in 0..<256 {
      let isASCII = byte < 0x80
      table[byte] = (isASCII ? of(Unicode.Scalar(UInt8(byte))) : .unknown).rawValue
    }
    return UnsafePointer(table)
  }()

  /// The class of one scalar, from the standard library's properties.
  package static func of(_ scalar: Unicode.Scalar) -> CharacterClass {
    let properties = scalar.properties
    if properties.isWhitespace { return .space }
    let found: CharacterClass
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      found = .letter
    case .decimalNumber, .letterNumber, .otherNumber:
      found = .number
    default:
      return .other
    }
    guard let age = properties.age, age.major <= 16 else { return .other }
    return found
  }

  /// The classes that ``LetterCase`` tells apart, of each scalar below ``tableSize``.
  nonisolated(unsafe) static let letterCases: UnsafePointer<UInt8> = {
    let table = UnsafeMutablePointer<UInt8>.allocate(capacity: tableSize)
    for value in 0..<tableSize {
      let scalar = Unicode.Scalar(UInt32(value))
      table[value] = (scalar.map(letterCase) ?? .other).rawValue
    }
    return UnsafePointer(table)
  }()

  private static func letterCase(_ scalar: Unicode.Scalar) -> LetterCase {
    switch of(scalar) {
    case .space: return .space
    case .number: return .number
    case .letter: break
    case .other, .unknown:
      let marks: [Unicode.GeneralCategory] = [.nonspacingMark, .spacingMark, .enclosingMark]
      let isMark =
        marks.contains(scalar.properties.generalCategory)
        && ScalarProperties.isAssigned(scalar, by: ScalarProperties.patternVersion)
      return isMark ? .mark : .other
    }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .titlecaseLetter: return .upper
    case .lowercaseLetter: return .lower
    default: return .caseless
    }
  }
}
