import CastleFormats

/// The members of a `config.json`, read by key and type with errors that name both.
struct ConfigurationObject {
  let members: JSONValue.Members

  func integer(_ key: String, default fallback: Int? = nil) throws -> Int {
    switch members[key] ?? .null {
    case .integer(let value): return value
    case .null:
      guard let fallback else { throw InputError("\(key) is missing, it must be a whole number") }
      return fallback
    case let other: throw InputError("\(key) is \(other.text), it must be a whole number")
    }
  }

  func integer(ifPresent key: String) throws -> Int? {
    if case .null = members[key] ?? .null { return nil }
    return try integer(key)
  }

  func number(ifPresent key: String) throws -> Double? {
    if case .null = members[key] ?? .null { return nil }
    return try number(key, default: 0)
  }

  func number(_ key: String, default fallback: Double) throws -> Double {
    switch members[key] ?? .null {
    case .integer(let value): return Double(value)
    case .number(let value): return value
    case .null: return fallback
    case let other: throw InputError("\(key) is \(other.text), it must be a number")
    }
  }

  func bool(_ key: String, default fallback: Bool) throws -> Bool {
    switch members[key] ?? .null {
    case .bool(let value): return value
    case .null: return fallback
    case let other: throw InputError("\(key) is \(other.text), it must be true or false")
    }
  }

  func string(_ key: String, default fallback: String) throws -> String {
    switch members[key] ?? .null {
    case .string(let value): return value
    case .null: return fallback
    case let other: throw InputError("\(key) is \(other.text), it must be a string")
    }
  }

  func string(ifPresent key: String) throws -> String? {
    if case .null = members[key] ?? .null { return nil }
    return try string(key, default: "")
  }

  /// A list of strings; nil if there is none.
  func strings(ifPresent key: String) throws -> [String]? {
    switch members[key] ?? .null {
    case .null: return nil
    case .list(let values):
      return try values.map { value in
        guard case .string(let text) = value else {
          throw InputError("\(key) holds \(value.text), it must hold strings")
        }
        return text
      }
    case let other: throw InputError("\(key) is \(other.text), it must be a list of strings")
    }
  }

  /// One whole number or a list of them.
  func integers(_ key: String) throws -> [Int] {
    switch members[key] ?? .null {
    case .null: return []
    case .integer(let value): return [value]
    case .list(let values):
      return try values.map { value in
        guard case .integer(let id) = value else {
          throw InputError("\(key) holds \(value.text), it must hold whole numbers")
        }
        return id
      }
    case let other: throw InputError("\(key) is \(other.text), it must be a whole number or a list of them")
    }
  }

  func object(ifPresent key: String) throws -> ConfigurationObject? {
    switch members[key] ?? .null {
    case .null: return nil
    case .object(let value): return ConfigurationObject(members: value)
    case let other: throw InputError("\(key) is \(other.text), it must be an object")
    }
  }

  /// Throws unless `key` is absent or has the one value that is implemented.
  func require(_ key: String, _ value: JSONValue) throws {
    if let present = members[key], present != .null, present != value {
      throw InputError("\(key) is \(present.text), only \(value.text) is implemented")
    }
  }
}
