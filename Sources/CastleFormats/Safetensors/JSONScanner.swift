/// Reads the small part of JSON that safetensors headers consist of, strictly and without recursion: objects,
/// strings and lists of natural numbers.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Reads an object; `member` must read the value that follows each key.
  mutating func object(_ member: (inout JSONScanner, _ key: String) throws -> Void) throws {
    try expect("{")
    if skip("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while skip(",")
    try expect("}")
  }

  /// Reads a list of natural numbers.
  mutating func integers() throws -> [Int] {
    var values: [Int] = []
    try expect("[")
    if skip("]") { return values }
    repeat { values.append(try integer()) } while skip(",")
    try expect("]")
    return values
  }

  /// Reads a string.
  mutating func string() throws -> String {
    try expect("\"")
    var text: [UInt8] = []
    while let byte = next() {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw InputError("its header holds a string that is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): text += try escape()
      case 0..<0x20: throw InputError("its header holds a control character in a string")
      default: text.append(byte)
      }
    }
    throw InputError("its header ends inside a string")
  }

  /// Throws unless only white space is left.
  mutating func end() throws {
    skipSpace()
    guard position == bytes.count else {
      throw InputError("its header goes on after its JSON object, at byte \(position)")
    }
  }

  private mutating func integer() throws -> Int {
    skipSpace()
    let start = position
    var value = 0
    while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(digit))
      guard !overflow, !carry else { throw InputError("its header holds a number that is too large") }
      value = sum
      position += 1
    }
    guard position > start else { throw InputError("its header lacks a natural number at byte \(start)") }
    return value
  }

  private mutating func escape() throws -> [UInt8] {
    switch next() {
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case let byte? where "\"\\/".utf8.contains(byte): return [byte]
    case UInt8(ascii: "u"):
      var units = [try hexadecimal()]
      if UTF16.isLeadSurrogate(units[0]), next() == UInt8(ascii: "\\"), next() == UInt8(ascii: "u") {
        units.append(try hexadecimal())
      }
      guard let text = String(validating: units, as: UTF16.self) else { break }
      return Array(text.utf8)
    default: break
    }
    throw InputError("its header holds a bad escape before byte \(position)")
  }

  private mutating func hexadecimal() throws -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next(), let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw InputError("its header holds a bad escape before byte \(position)")
      }
      value = value << 4 | UInt16(digit)
    }
    return value
  }

  private mutating func next() -> UInt8? {
    guard position < bytes.count else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard skip(character) else {
      throw InputError("its header is not JSON: \(character) expected at byte \(position)")
    }
  }
}
