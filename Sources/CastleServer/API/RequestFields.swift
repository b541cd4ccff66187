import CastleFormats

/// The members of a request's body, read with their types and ranges. A member that is null counts as absent.
struct RequestFields: Sendable {
  private let members: JSONValue.Members

  /// Reads a body, which must be one JSON object.
  init(body: [UInt8]) throws {
    do {
      members = try body.withUnsafeBytes { try JSONValue.object($0, source: "the body") }
    } catch let error as InputError {
      throw APIError.invalid("\(error)", code: "invalid_json")
    }
  }

  /// Members that are there already.
  init(_ members: JSONValue.Members) {
    self.members = members
  }

  /// The value, or null.
  subscript(key: String) -> JSONValue { members[key] ?? .null }

  /// Whether the value is there.
  func has(_ key: String) -> Bool { self[key] != .null }

  /// A string.
  func text(_ key: String) throws -> String? {
    switch self[key] {
    case .null: nil
    case .string(let text): text
    case let other: throw Self.wrong(key, other, "a string")
    }
  }

  /// true or false.
  func boolean(_ key: String) throws -> Bool? {
    switch self[key] {
    case .null: nil
    case .bool(let value): value
    case let other: throw Self.wrong(key, other, "true or false")
    }
  }

  /// A whole number.
  func integer(_ key: String, in range: ClosedRange<Int> = .min ... .max) throws -> Int? {
    let value = self[key]
    guard value != .null else { return nil }
    let expected =
      range == .min ... .max
      ? "a whole number of 64 bits"
      : range.upperBound == .max
        ? "a whole number, at least \(range.lowerBound)"
        : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard let number = Self.integer(value), range.contains(number) else {
      throw Self.wrong(key, value, expected)
    }
    return number
  }

  /// A number.
  func number(_ key: String, in range: ClosedRange<Double>) throws -> Double? {
    let value = self[key]
    guard value != .null else { return nil }
    guard let number = Self.number(value), range.contains(number) else {
      throw Self.wrong(
        key, value, "a number from \(Self.short(range.lowerBound)) to \(Self.short(range.upperBound))")
    }
    return number
  }

  /// One string or a list of strings.
  func texts(_ key: String, most: Int) throws -> [String] {
    switch self[key] {
    case .null: return []
    case .string(let text): return [text]
    case .list(let values):
      guard values.count <= most else {
        throw APIError.invalid("\(key) has \(values.count) strings, but may have at most \(most)", key)
      }
      return try values.map { value in
        guard case .string(let text) = value else { throw Self.wrong(key, value, "strings only") }
        return text
      }
    case let other: throw Self.wrong(key, other, "a string or a list of strings")
    }
  }

  /// Refuses fields of OpenAI's interface that are not implemented, unless they ask for what is done anyway.
  func refuse(_ fields: KeyValuePairs<String, [JSONValue]>) throws {
    for (key, harmless) in fields where has(key) && !harmless.contains(self[key]) {
      throw APIError.invalid(
        "\(key) is not supported; leave it out", key, code: "unsupported_parameter")
    }
  }

  /// An error about a value that is not what is `expected`.
  static func wrong(_ key: String, _ value: JSONValue, _ expected: String) -> APIError {
    .invalid("\(key) is \(brief(value)), but must be \(expected)", key, code: "invalid_value")
  }

  /// A value in few characters.
  static func brief(_ value: JSONValue) -> String {
    switch value {
    case .list(let values): return "a list of \(values.count)"
    case .object: return "an object"
    case .string(let text) where text.unicodeScalars.count > 40: return "a string of \(text.utf8.count) bytes"
    default: return value.text
    }
  }

  /// A value as a whole number, if it is one.
  static func integer(_ value: JSONValue) -> Int? {
    switch value {
    case .integer(let number): number
    case .number(let number): Int(exactly: number)
    default: nil
    }
  }

  /// A value as a number, if it is one.
  static func number(_ value: JSONValue) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }

  private static func short(_ value: Double) -> String {
    Int(exactly: value).map(String.init) ?? String(value)
  }
}
