/// A JSON value, for files whose keys are not known beforehand.
package enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  /// A whole number that fits.
  case integer(Int)
  /// Any other number.
  case number(Double)
  case string(String)
  case list([JSONValue])
  case object([String: JSONValue])

  /// The member of an object; null for anything else.
  package subscript(key: String) -> JSONValue {
    if case .object(let members) = self { return members[key] ?? .null }
    return .null
  }

  /// Reads the object that `bytes` hold. `source` names them in messages; see ``JSONScanner`` for `readsPythonNumbers`.
  package static func object(
    _ bytes: UnsafeRawBufferPointer, source: String, readsPythonNumbers: Bool = false
  ) throws -> [String: JSONValue] {
    var scanner = JSONScanner(bytes, name: source, readsPythonNumbers: readsPythonNumbers)
    guard scanner.isNext("{") else { throw scanner.malformed("a JSON object") }
    let value = try scanner.value()
    try scanner.finish()
    guard case .object(let members) = value else { return [:] }
    return members
  }
}

extension JSONValue {
  /// The value on one line, with sorted keys. A number that is not finite is null.
  package var text: String { text(indentation: nil) }

  /// The value over several lines, with sorted keys and a line feed at the end.
  package var indentedText: String { text(indentation: "") + "\n" }

  private func text(indentation: String?) -> String {
    switch self {
    case .null: "null"
    case .bool(let value): String(value)
    case .integer(let value): String(value)
    case .number(let value): value.isFinite ? String(value) : "null"
    case .string(let value): Self.quoted(value)
    case .list(let values):
      Self.enclosed("[", "]", indentation) { inner in values.map { $0.text(indentation: inner) } }
    case .object(let members):
      Self.enclosed("{", "}", indentation) { inner in
        members.sorted { $0.key < $1.key }.map { key, value in
          "\(Self.quoted(key)):\(inner == nil ? "" : " ")\(value.text(indentation: inner))"
        }
      }
    }
  }

  private static func enclosed(
    _ start: String, _ end: String, _ indentation: String?, _ parts: (String?) -> [String]
  ) -> String {
    let inner = indentation.map { $0 + "  " }
    let parts = parts(inner)
    guard let indentation, let inner, !parts.isEmpty else {
      return start + parts.joined(separator: ",") + end
    }
    return "\(start)\n\(inner)\(parts.joined(separator: ",\n" + inner))\n\(indentation)\(end)"
  }

  /// A string with its quotation marks and escapes.
  package static func quoted(_ text: String) -> String {
    String(decoding: quoted(text.utf8), as: UTF8.self)
  }

  /// The bytes of a string with its quotation marks and escapes.
  package static func quoted(_ text: some Sequence<UInt8>) -> [UInt8] {
    var result = [UInt8(ascii: "\"")]
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): result += Array(#"\n"#.utf8)
      case UInt8(ascii: "\r"): result += Array(#"\r"#.utf8)
      case UInt8(ascii: "\t"): result += Array(#"\t"#.utf8)
      case 0..<0x20: result += Array("\\u00\(byte < 0x10 ? "0" : "")\(String(byte, radix: 16))".utf8)
      default: result.append(byte)
      }
    }
    result.append(UInt8(ascii: "\""))
    return result
  }
}
