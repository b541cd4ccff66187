import Foundation
import Synchronization

/// Sets of scalars by their Unicode properties, each as of the version of Unicode that Python's `tokenizers`
/// has at that place.
enum ScalarProperties {
  /// The version of Unicode that patterns know: characters that were assigned later have no properties there.
  static let patternVersion = 16

  /// Whether a scalar was assigned in a version up to `major`.
  static func isAssigned(_ scalar: Unicode.Scalar, by major: Int) -> Bool {
    guard let age = scalar.properties.age else { return false }
    return age.major <= major
  }

  /// The names that a pattern can give a general category, with or without "Is", in any case.
  private static let categories: [String: Set<Unicode.GeneralCategory>] = {
    let letters: Set<Unicode.GeneralCategory> = [
      .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
    ]
    let marks: Set<Unicode.GeneralCategory> = [.nonspacingMark, .spacingMark, .enclosingMark]
    let numbers: Set<Unicode.GeneralCategory> = [.decimalNumber, .letterNumber, .otherNumber]
    let punctuation: Set<Unicode.GeneralCategory> = [
      .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation,
    ]
    let symbols: Set<Unicode.GeneralCategory> = [.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol]
    let separators: Set<Unicode.GeneralCategory> = [.spaceSeparator, .lineSeparator, .paragraphSeparator]
    return [
      "l": letters, "letter": letters, "m": marks, "mark": marks, "n": numbers, "number": numbers,
      "p": punctuation, "punctuation": punctuation, "s": symbols, "symbol": symbols, "z": separators,
      "separator": separators, "lu": [.uppercaseLetter], "ll": [.lowercaseLetter], "lt": [.titlecaseLetter],
      "lm": [.modifierLetter], "lo": [.otherLetter], "mn": [.nonspacingMark], "mc": [.spacingMark],
      "me": [.enclosingMark], "nd": [.decimalNumber], "nl": [.letterNumber], "no": [.otherNumber],
      "pc": [.connectorPunctuation], "pd": [.dashPunctuation], "ps": [.openPunctuation],
      "pe": [.closePunctuation], "pi": [.initialPunctuation], "pf": [.finalPunctuation],
      "po": [.otherPunctuation], "sm": [.mathSymbol], "sc": [.currencySymbol], "sk": [.modifierSymbol],
      "so": [.otherSymbol], "zs": [.spaceSeparator], "zl": [.lineSeparator], "zp": [.paragraphSeparator],
      "cc": [.control], "cf": [.format],
    ]
  }()

  /// The scalars of a property that `\p{name}` names; nil if there is none of that name.
  ///
  /// Each set is made once: it takes a pass over all of Unicode.
  static func named(_ name: String) -> ScalarSet? {
    let key = name.lowercased().filter { !" _-".contains($0) }
    if let set = known.withLock({ $0[key] }) { return set }
    let set = make(name, key: key)
    if let set { known.withLock { $0[key] = set } }
    return set
  }

  private static let known = Mutex<[String: ScalarSet]>([:])

  private static func make(_ name: String, key: String) -> ScalarSet? {
    switch key {
    case "any": return .all
    case "alpha", "alphabetic": return alphabetic
    case "digit": return digit
    case "space", "whitespace": return space
    case "word": return word
    case "alnum": return alphabetic.union(digit)
    case "punct":
      return category(categories["p"]!).union(ScalarSet(values: "$+<=>^`|~".unicodeScalars.map(\.value)))
    case "upper", "uppercase": return assigned { $0.properties.isUppercase }
    case "lower", "lowercase": return assigned { $0.properties.isLowercase }
    default: break
    }
    if let wanted = categories[key] { return category(wanted) }
    return script(name)
  }

  static func category(_ wanted: Set<Unicode.GeneralCategory>) -> ScalarSet {
    assigned { wanted.contains($0.properties.generalCategory) }
  }

  private static func assigned(_ isIncluded: (Unicode.Scalar) -> Bool) -> ScalarSet {
    ScalarSet { isIncluded($0) && isAssigned($0, by: patternVersion) }
  }

  private static let alphabetic = assigned { $0.properties.isAlphabetic }

  /// `\s` in patterns, and white space everywhere else.
  static let space = ScalarSet { $0.properties.isWhitespace }

  /// `\d` in patterns.
  static let digit = category([.decimalNumber])

  /// Letters, marks, decimal digits and connectors.
  private static let wordCore = alphabetic.union(digit).union(
    category([.nonspacingMark, .spacingMark, .enclosingMark, .connectorPunctuation]))

  /// `\w` in patterns.
  static let word = wordCore.union(ScalarSet(values: [0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE]))

  /// The characters of words for the pre-tokenizer Whitespace and for added tokens that must be single words.
  static let wordAndJoiners = wordCore.union(ScalarSet([0x200C...0x200D]))

  /// What the pre-tokenizer Digits takes for a digit, as of Unicode 17.
  static let numeric = ScalarSet { scalar in
    [.decimalNumber, .letterNumber, .otherNumber].contains(scalar.properties.generalCategory)
      && isAssigned(scalar, by: 17)
  }

  /// What the pre-tokenizer Punctuation takes for a punctuation mark: Unicode 8's, and ASCII's symbols.
  static let punctuation = ScalarSet { scalar in
    categories["p"]!.contains(scalar.properties.generalCategory) && isAssigned(scalar, by: 8)
  }.union(ScalarSet(values: "$+<=>^`|~\u{166D}\u{111C9}".unicodeScalars.map(\.value)))

  /// The scalars of a script or another property that the standard library does not know, as Foundation's
  /// regular expressions have it.
  private static func script(_ name: String) -> ScalarSet? {
    guard !name.isEmpty,
      name.utf8.allSatisfy({ $0 < 0x80 && ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A || $0 == 0x5F) }),
      let pattern = try? NSRegularExpression(pattern: "\\p{\(name)}+")
    else { return nil }
    var scalars = String.UnicodeScalarView()
    for value in UInt32(0)..<0x34000 {
      if let scalar = Unicode.Scalar(value), isAssigned(scalar, by: patternVersion) { scalars.append(scalar) }
    }
    let text = String(scalars)
    let all = text as NSString
    var values: [UInt32] = []
    for match in pattern.matches(in: text, range: NSRange(location: 0, length: all.length)) {
      values += all.substring(with: match.range).unicodeScalars.map(\.value)
    }
    return ScalarSet(values: values)
  }
}
