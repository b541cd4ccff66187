import CastleFormats

/// Reads a class in brackets: characters, ranges, escapes, classes in classes, and intersections.
struct PatternClassParser {
  let text: [Unicode.Scalar]
  /// The place after the opening bracket, and in the end after the closing one.
  var position: Int
  let ignoresCase: Bool
  let source: String
  private var depth = 0

  init(text: [Unicode.Scalar], position: Int, ignoresCase: Bool, source: String) {
    self.text = text
    self.position = position
    self.ignoresCase = ignoresCase
    self.source = source
  }

  private func malformed(_ what: String) -> InputError {
    InputError("the pattern \"\(source)\" has \(what) at character \(position + 1), which is not implemented")
  }

  private func isNext(_ expected: String) -> Bool {
    let scalars = Array(expected.unicodeScalars)
    return position + scalars.count <= text.count
      && text[position..<position + scalars.count].elementsEqual(scalars)
  }

  /// The set of the class.
  mutating func parse() throws -> ScalarSet {
    depth += 1
    defer { depth -= 1 }
    guard depth < 50 else { throw malformed("classes nested more than 50 deep") }
    var isNegative = false
    if isNext("^") {
      isNegative = true
      position += 1
    }
    var result: ScalarSet?
    var set = ScalarSet()
    var isFirst = true
    while true {
      guard position < text.count else { throw malformed("a class without its end") }
      if isNext("]"), !isFirst { break }
      isFirst = false
      if isNext("&&") {
        position += 2
        result = result.map { $0.intersection(closed(set)) } ?? closed(set)
        set = ScalarSet()
        continue
      }
      set = set.union(try member())
    }
    position += 1
    set = result.map { $0.intersection(closed(set)) } ?? closed(set)
    return isNegative ? set.complement : set
  }

  private func closed(_ set: ScalarSet) -> ScalarSet { ignoresCase ? CaseFolding.closure(of: set) : set }

  /// One member: a class, a property, a character or a range of characters.
  private mutating func member() throws -> ScalarSet {
    if isNext("[:") { return try named() }
    if isNext("[") {
      position += 1
      return try parse()
    }
    let (first, single) = try character()
    guard let single, isNext("-"), position + 1 < text.count, text[position + 1] != "]" else { return first }
    let start = position
    position += 1
    guard !isNext("[") else {
      position = start
      return first
    }
    let (second, last) = try character()
    guard let last else {
      // A range to a property is the character, the hyphen and the property.
      return first.union(second).union(ScalarSet(values: [0x2D]))
    }
    guard single <= last else { throw malformed("a range backwards") }
    return ScalarSet([single...last])
  }

  /// A character or escape; the value is nil if it is a property.
  private mutating func character() throws -> (ScalarSet, UInt32?) {
    let scalar = text[position]
    position += 1
    guard scalar == "\\" else { return (ScalarSet(values: [scalar.value]), scalar.value) }
    if isNext("b") {
      position += 1
      return (ScalarSet(values: [0x08]), 0x08)
    }
    var escapes = PatternEscapeParser(text: text, position: position, source: source)
    let set = try escapes.parse()
    position = escapes.position
    return (set, escapes.isProperty ? nil : set.ranges.first?.lowerBound)
  }

  /// `[:alpha:]` and its like.
  private mutating func named() throws -> ScalarSet {
    let start = position
    position += 2
    let isNegative = isNext("^")
    if isNegative { position += 1 }
    var name = ""
    while position < text.count, text[position].properties.isAlphabetic {
      name.unicodeScalars.append(text[position])
      position += 1
    }
    let known = ["alpha", "digit", "alnum", "upper", "lower", "space", "word", "punct"]
    guard isNext(":]"), known.contains(name), let set = ScalarProperties.named(name) else {
      position = start
      throw malformed("an unknown class in \"[:\"")
    }
    position += 2
    return isNegative ? set.complement : set
  }
}

/// Reads what stands after a backslash, where it is a character or a set of characters.
struct PatternEscapeParser {
  let text: [Unicode.Scalar]
  /// The place after the backslash, and in the end after the escape.
  var position: Int
  let source: String
  /// Whether the escape was a property, not one character.
  private(set) var isProperty = false

  init(text: [Unicode.Scalar], position: Int, source: String) {
    self.text = text
    self.position = position
    self.source = source
  }

  private func refused(_ what: String) -> InputError {
    InputError("the pattern \"\(source)\" has \(what) at character \(position), which is not implemented")
  }

  mutating func parse() throws -> ScalarSet {
    guard position < text.count else { throw refused("a backslash at its end") }
    let mark = text[position]
    position += 1
    let hexadecimal = ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
    switch mark {
    case "d": return property(ScalarProperties.digit)
    case "D": return property(ScalarProperties.digit.complement)
    case "s": return property(ScalarProperties.space)
    case "S": return property(ScalarProperties.space.complement)
    case "w": return property(ScalarProperties.word)
    case "W": return property(ScalarProperties.word.complement)
    case "h": return property(hexadecimal)
    case "H": return property(hexadecimal.complement)
    case "p", "P": return try named(isNegative: mark == "P")
    case "n": return character(0x0A)
    case "t": return character(0x09)
    case "r": return character(0x0D)
    case "f": return character(0x0C)
    case "v": return character(0x0B)
    case "a": return character(0x07)
    case "e": return character(0x1B)
    case "x": return try coded(digits: 1...2)
    case "u": return try coded(digits: 4...4)
    default:
      guard !mark.isASCII || !mark.properties.isAlphabetic && mark.properties.numericType == nil else {
        throw refused("\"\\\(mark)\"")
      }
      return character(mark.value)
    }
  }

  private func character(_ value: UInt32) -> ScalarSet { ScalarSet(values: [value]) }

  private mutating func property(_ set: ScalarSet) -> ScalarSet {
    isProperty = true
    return set
  }

  /// `{name}` or `{^name}` after `\p`.
  private mutating func named(isNegative: Bool) throws -> ScalarSet {
    guard position < text.count, text[position] == "{", let end = text[position...].firstIndex(of: "}") else {
      throw refused("\"\\p\" without a name in braces")
    }
    var name = String(String.UnicodeScalarView(text[position + 1..<end]))
    let isInverted = name.hasPrefix("^")
    if isInverted { name.removeFirst() }
    guard let set = ScalarProperties.named(name) else { throw refused("the property \"\(name)\"") }
    position = end + 1
    return property(isNegative != isInverted ? set.complement : set)
  }

  private mutating func coded(digits: ClosedRange<Int>) throws -> ScalarSet {
    let isBraced = digits.upperBound == 2 && position < text.count && text[position] == "{"
    if isBraced { position += 1 }
    var value: UInt32 = 0
    var count = 0
    while count < (isBraced ? 8 : digits.upperBound), position < text.count, text[position].isASCII,
      let digit = Character(text[position]).hexDigitValue
    {
      value = value << 4 | UInt32(digit)
      count += 1
      position += 1
    }
    if isBraced {
      guard position < text.count, text[position] == "}" else { throw refused("a code without its end") }
      position += 1
    }
    guard count >= digits.lowerBound, value <= ScalarSet.last, Unicode.Scalar(value) != nil,
      isBraced || digits.upperBound == 4 || value < 0x80
    else { throw refused("a code of no character") }
    return character(value)
  }
}
