/// A JSON object on one line whose keys keep their order.
package struct JSONObject: Sendable {
  /// A value of a key.
  package enum Value: Sendable {
    /// A whole number.
    case integer(Int)
    /// A number; what is not finite is written as null.
    case number(Double)
    /// true or false.
    case boolean(Bool)
    /// A string.
    case text(String)
    /// Another object.
    case object(JSONObject)
    /// An array.
    case array([Value])
    /// null.
    case null
  }

  private let fields: [(String, Value)]

  /// An object of the given fields.
  package init(_ fields: [(String, Value)]) {
    self.fields = fields
  }

  /// The object as text, without a line break.
  package var text: String {
    "{" + fields.map { "\(JSONValue.quoted($0)):\(Self.text(of: $1))" }.joined(separator: ",") + "}"
  }

  /// The object as one line of a file.
  package var line: [UInt8] { Array((text + "\n").utf8) }

  private static func text(of value: Value) -> String {
    switch value {
    case .integer(let value): String(value)
    case .number(let value): value.isFinite ? String(value) : "null"
    case .boolean(let value): String(value)
    case .text(let value): JSONValue.quoted(value)
    case .object(let value): value.text
    case .array(let values): "[" + values.map(text(of:)).joined(separator: ",") + "]"
    case .null: "null"
    }
  }
}
