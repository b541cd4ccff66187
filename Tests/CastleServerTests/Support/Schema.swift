import CastleFormats
import Yams

/// The forms of answers that `openapi.yaml` describes, as far as it uses them.
struct Schema {
  private let document: JSONValue

  /// Reads a description of an interface.
  init(yaml: String) throws {
    document = Self.value(try Yams.load(yaml: yaml))
  }

  /// The paths that are described, with their methods in upper case.
  var operations: [(path: String, method: String)] {
    guard case .object(let paths) = document["paths"] else { return [] }
    return paths.flatMap { path, item -> [(String, String)] in
      guard case .object(let methods) = item else { return [] }
      return methods.keys.map { (path, $0.uppercased()) }
    }.sorted { $0 < $1 }
  }

  /// What is wrong with `value` as one of the component `name`.
  func problems(_ value: JSONValue, _ name: String) -> [String] {
    problems(value, document["components"]["schemas"][name], at: name)
  }

  private func problems(_ value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
    if case .string(let reference) = schema["$ref"], let name = reference.split(separator: "/").last {
      return problems(value, document["components"]["schemas"][String(name)], at: place)
    }
    guard case .object = schema else { return ["\(place) has no schema"] }
    if case .list(let parts) = schema["oneOf"] {
      let all = parts.map { self.problems(value, $0, at: place) }
      return all.contains([]) ? [] : ["\(place) is none of its forms: \(all)"]
    }
    var problems: [String] = []
    if case .list(let parts) = schema["allOf"] {
      problems += parts.flatMap { self.problems(value, $0, at: place) }
    }
    if schema["type"] != .null, !hasType(value, schema["type"]) {
      problems.append("\(place) is \(value.text), not of type \(schema["type"].text)")
    }
    if case .list(let allowed) = schema["enum"], !allowed.contains(value) {
      problems.append("\(place) is \(value.text), none of \(allowed.map(\.text))")
    }
    if let number = Self.number(value) {
      if let least = Self.number(schema["minimum"]), number < least { problems.append("\(place) < \(least)") }
      if let most = Self.number(schema["maximum"]), number > most { problems.append("\(place) > \(most)") }
    }
    switch value {
    case .object(let members): problems += self.problems(members, schema, at: place)
    case .list(let values):
      for (index, element) in values.enumerated() where schema["items"] != .null {
        problems += self.problems(element, schema["items"], at: "\(place)[\(index)]")
      }
    default: break
    }
    return problems
  }

  private func problems(_ members: JSONValue.Members, _ schema: JSONValue, at place: String) -> [String] {
    var problems: [String] = []
    if case .list(let required) = schema["required"] {
      for case .string(let key) in required where members[key] == nil {
        problems.append("\(place) lacks \(key)")
      }
    }
    for (key, member) in members {
      let form = schema["properties"][key]
      if form != .null {
        problems += self.problems(member, form, at: "\(place).\(key)")
      } else if schema["additionalProperties"] == .bool(false) {
        problems.append("\(place) has \(key)")
      } else if case .object = schema["additionalProperties"] {
        problems += self.problems(member, schema["additionalProperties"], at: "\(place).\(key)")
      }
    }
    return problems
  }

  private func hasType(_ value: JSONValue, _ type: JSONValue) -> Bool {
    if case .list(let types) = type { return types.contains { hasType(value, $0) } }
    switch (value, type) {
    case (.null, .string("null")), (.bool, .string("boolean")), (.integer, .string("integer")),
      (.integer, .string("number")), (.number, .string("number")), (.string, .string("string")),
      (.list, .string("array")), (.object, .string("object")):
      return true
    default: return false
    }
  }

  private static func number(_ value: JSONValue) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }

  private static func value(_ value: Any?) -> JSONValue {
    switch value {
    case let value as Bool: .bool(value)
    case let value as Int: .integer(value)
    case let value as Double: .number(value)
    case let value as String: .string(value)
    case let values as [Any?]: .list(values.map(Self.value))
    case let members as [AnyHashable: Any]:
      .object(JSONValue.Members(members.map { ("\($0.key)", Self.value($0.value)) }))
    default: .null
    }
  }
}
