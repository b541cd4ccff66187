extension JSONScanner {
  /// How deeply objects and arrays may be nested.
  package static let depthLimit = 64

  /// Reads any value. An object must not have a member twice.
  package mutating func value() throws -> JSONValue { try value(depth: 0) }

  /// Reads any value and forgets it.
  package mutating func skipValue() throws { try skipValue(depth: 0) }

  private mutating func value(depth: Int) throws -> JSONValue {
    try checkDepth(depth)
    switch peek() {
    case UInt8(ascii: "{"):
      var members = JSONValue.Members()
      try object { scanner in
        let key = scanner.text
        guard members[key] == nil else { throw scanner.malformed("\"\(key)\" once in an object") }
        members[key] = try scanner.value(depth: depth + 1)
      }
      return .object(members)
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      try array { scanner in elements.append(try scanner.value(depth: depth + 1)) }
      return .list(elements)
    case UInt8(ascii: "\""):
      try readString()
      return .string(text)
    default:
      return try literal()
    }
  }

  private mutating func skipValue(depth: Int) throws {
    try checkDepth(depth)
    switch peek() {
    case UInt8(ascii: "{"): try object { try $0.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["): try array { try $0.skipValue(depth: depth + 1) }
    case UInt8(ascii: "\""): try readString()
    default: _ = try literal()
    }
  }

  private func checkDepth(_ depth: Int) throws {
    guard depth < Self.depthLimit else { throw malformed("at most \(Self.depthLimit) levels of nesting") }
  }

  private mutating func literal() throws -> JSONValue {
    let start = position
    while position < bytes.count, !",]}: \n\r\t".utf8.contains(bytes[position]) { position += 1 }
    let word = String(decoding: bytes[start..<position], as: UTF8.self)
    switch word {
    case "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "NaN" where readsPythonNumbers: return .number(.nan)
    case "Infinity" where readsPythonNumbers: return .number(.infinity)
    case "-Infinity" where readsPythonNumbers: return .number(-.infinity)
    default:
      guard Self.isNumber(word), let number = Double(word), number.isFinite else {
        position = start
        throw malformed("a value")
      }
      return Int(word).map { .integer($0) } ?? .number(number)
    }
  }

  /// Whether a word has the form of a number in JSON, such as -12.5e+3.
  private static func isNumber(_ word: String) -> Bool {
    var rest = word.utf8[...]
    func digits() -> Int {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      rest = rest[digits.endIndex...]
      return digits.count
    }
    func skip(_ marks: String) -> Bool {
      guard let first = rest.first, marks.utf8.contains(first) else { return false }
      rest.removeFirst()
      return true
    }
    _ = skip("-")
    let startsWithZero = rest.first == UInt8(ascii: "0")
    let wholeDigits = digits()
    guard wholeDigits == 1 || (wholeDigits > 1 && !startsWithZero) else { return false }
    if skip("."), digits() == 0 { return false }
    if skip("eE") {
      _ = skip("+-")
      if digits() == 0 { return false }
    }
    return rest.isEmpty
  }
}
