/// A JSON value: what is written, and what is read of files whose keys are not known beforehand.
package enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  /// A whole number that fits.
  case integer(Int)
  /// Any other number.
  case number(Double)
  case string(String)
  case list([JSONValue])
  case object(Members)

  /// The member of an object; null for anything else.
  package subscript(key: String) -> JSONValue {
    if case .object(let members) = self { return members[key] ?? .null }
    return .null
  }

  /// Reads the object that `bytes` hold. `source` names them in messages; see ``JSONScanner`` for
  /// `readsPythonNumbers`.
  package static func object(
    _ bytes: UnsafeRawBufferPointer, source: String, readsPythonNumbers: Bool = false
  ) throws -> Members {
    var scanner = JSONScanner(bytes, name: source, readsPythonNumbers: readsPythonNumbers)
    guard scanner.isNext("{") else { throw scanner.malformed("a JSON object") }
    let value = try scanner.value()
    try scanner.finish()
    guard case .object(let members) = value else { return [:] }
    return members
  }
}
