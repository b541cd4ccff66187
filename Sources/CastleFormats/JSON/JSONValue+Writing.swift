extension JSONValue {
  /// The value on one line, without a line break. A number that is not finite is null.
  package var text: String { text(indentation: nil, sortsKeys: false) }

  /// The value on one line, with sorted keys.
  package var sortedText: String { text(indentation: nil, sortsKeys: true) }

  /// The value over several lines, with sorted keys and a line feed at the end, as Python's transformers
  /// writes it.
  package var indentedText: String { text(indentation: "", sortsKeys: true) + "\n" }

  /// The value as one line of a file.
  package var line: [UInt8] { Array((text + "\n").utf8) }

  private func text(indentation: String?, sortsKeys: Bool) -> String {
    switch self {
    case .null: "null"
    case .bool(let value): String(value)
    case .integer(let value): String(value)
    case .number(let value): value.isFinite ? String(value) : "null"
    case .string(let value): Self.quoted(value)
    case .list(let values):
      Self.enclosed("[", "]", indentation) { inner in
        values.map { $0.text(indentation: inner, sortsKeys: sortsKeys) }
      }
    case .object(let members):
      Self.enclosed("{", "}", indentation) { inner in
        (sortsKeys ? members.sorted { $0.key < $1.key } : Array(members)).map { key, value in
          let value = value.text(indentation: inner, sortsKeys: sortsKeys)
          return "\(Self.quoted(key)):\(inner == nil ? "" : " ")\(value)"
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

extension JSONValue.Members {
  /// The object on one line, without a line break.
  package var text: String { JSONValue.object(self).text }

  /// The object as one line of a file.
  package var line: [UInt8] { JSONValue.object(self).line }
}
