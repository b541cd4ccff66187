import CastleFormats

/// A JSON value of no great size.
enum JSONValue: Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// The member of an object; null for anything else.
  subscript(key: String) -> JSONValue {
    if case .object(let members) = self { return members[key] ?? .null }
    return .null
  }
}

/// Reads JSON front to back without building objects, so that a vocabulary of 50 000 tokens takes milliseconds.
struct JSONScanner {
  private let text: UnsafePointer<UInt8>
  private let end: Int
  private let name: String

  /// The place of the next byte to be read.
  var position = 0

  /// The bytes of the string read last, without escapes.
  private(set) var string: [UInt8] = []

  private static let deepest = 64

  /// A scanner of a document that errors call `name`.
  ///
  /// - Parameter requiresUTF8: Whether bytes that are not UTF-8 are refused; else they pass inside strings.
  init(_ document: UnsafeBufferPointer<UInt8>, name: String, requiresUTF8: Bool = true) throws {
    guard let base = document.baseAddress else { throw InputError("\(name) is empty") }
    text = base
    end = document.count
    self.name = name
    guard requiresUTF8 else { return }
    let valid = UTF8Decoding.validPrefix(base, count: end)
    guard valid == end else { throw InputError("\(name) is not JSON: byte \(valid) is not UTF-8") }
  }

  /// An error at the present place.
  func malformed(_ expected: String) -> InputError {
    InputError("\(name) is malformed at byte \(position): expected \(expected)")
  }

  /// The next byte that is not white space, which stays to be read; 0 at the end.
  mutating func peek() -> UInt8 {
    while position < end {
      switch text[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return text[position]
      }
    }
    return 0
  }

  /// Reads one punctuation mark.
  mutating func expect(_ mark: Unicode.Scalar) throws {
    guard peek() == UInt8(ascii: mark) else { throw malformed("'\(mark)'") }
    position += 1
  }

  /// Reads an object; `body` reads the value of the member whose name is in ``string``.
  mutating func object(_ body: (inout JSONScanner) throws -> Void) throws {
    try expect("{")
    if peek() == UInt8(ascii: "}") {
      position += 1
      return
    }
    while true {
      try readString()
      try expect(":")
      try body(&self)
      guard peek() == UInt8(ascii: ",") else { break }
      position += 1
    }
    try expect("}")
  }

  /// Reads an array; `body` reads one element.
  mutating func array(_ body: (inout JSONScanner) throws -> Void) throws {
    try expect("[")
    if peek() == UInt8(ascii: "]") {
      position += 1
      return
    }
    while true {
      try body(&self)
      guard peek() == UInt8(ascii: ",") else { break }
      position += 1
    }
    try expect("]")
  }

  /// Reads a string into ``string``.
  mutating func readString() throws {
    try expect("\"")
    string.removeAll(keepingCapacity: true)
    while true {
      let start = position
      while position < end, Self.isPlain(text[position]) { position += 1 }
      string.append(contentsOf: UnsafeBufferPointer(start: text + start, count: position - start))
      guard position < end else { throw malformed("the end of the string") }
      let byte = text[position]
      guard byte >= 0x20 else { throw malformed("no control character in a string") }
      position += 1
      guard byte == UInt8(ascii: "\\") else { return }
      try readEscape()
    }
  }

  /// Whether a byte stands for itself in a string.
  @inline(__always)
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private mutating func readEscape() throws {
    guard position < end else { throw malformed("an escape") }
    let mark = text[position]
    position += 1
    switch mark {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): string.append(mark)
    case UInt8(ascii: "b"): string.append(0x08)
    case UInt8(ascii: "f"): string.append(0x0C)
    case UInt8(ascii: "n"): string.append(0x0A)
    case UInt8(ascii: "r"): string.append(0x0D)
    case UInt8(ascii: "t"): string.append(0x09)
    case UInt8(ascii: "u"): try readUnicodeEscape()
    default: throw malformed("an escape")
    }
  }

  /// Reads the digits of `\uXXXX`; a pair of surrogates is one scalar, a lone one U+FFFD.
  private mutating func readUnicodeEscape() throws {
    var value = try readHexadecimal()
    if value & 0xFC00 == 0xD800, position + 1 < end, text[position] == UInt8(ascii: "\\"),
      text[position + 1] == UInt8(ascii: "u")
    {
      let afterFirst = position
      position += 2
      let low = try readHexadecimal()
      if low & 0xFC00 == 0xDC00 {
        value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
      } else {
        position = afterFirst
      }
    }
    let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
    string.append(contentsOf: Unicode.UTF8.encode(scalar)!)
  }

  private mutating func readHexadecimal() throws -> UInt32 {
    guard position + 4 <= end else { throw malformed("four hexadecimal digits") }
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(text[position])).hexDigitValue else {
        throw malformed("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  /// Reads a number that is a whole one, not negative and below 2³¹.
  mutating func index() throws -> Int32 {
    var digit = peek()
    let start = position
    var value = 0
    while digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9"), value <= Int(Int32.max) {
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
      position += 1
      digit = position < end ? text[position] : 0
    }
    guard position > start, value <= Int(Int32.max), ![".", "e", "E"].contains(Unicode.Scalar(digit)) else {
      throw malformed("a whole number from 0 to 2147483647")
    }
    return Int32(value)
  }

  /// Reads any value.
  mutating func value(depth: Int = 0) throws -> JSONValue {
    guard depth < Self.deepest else { throw malformed("fewer levels of nesting") }
    switch peek() {
    case UInt8(ascii: "{"):
      var members: [String: JSONValue] = [:]
      try object { scanner in
        let name = String(decoding: scanner.string, as: UTF8.self)
        members[name] = try scanner.value(depth: depth + 1)
      }
      return .object(members)
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      try array { scanner in elements.append(try scanner.value(depth: depth + 1)) }
      return .array(elements)
    case UInt8(ascii: "\""):
      try readString()
      return .string(String(decoding: string, as: UTF8.self))
    default:
      return try literal()
    }
  }

  private mutating func literal() throws -> JSONValue {
    let start = position
    while position < end, !",]} \n\r\t".utf8.contains(text[position]) { position += 1 }
    let word = String(
      decoding: UnsafeBufferPointer(start: text + start, count: position - start), as: UTF8.self)
    switch word {
    case "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    default:
      guard let number = Double(word), number.isFinite else {
        position = start
        throw malformed("a value")
      }
      return .number(number)
    }
  }

  /// Checks that nothing but white space is left.
  mutating func finish() throws {
    guard peek() == 0, position == end else { throw malformed("the end of the file") }
  }
}
