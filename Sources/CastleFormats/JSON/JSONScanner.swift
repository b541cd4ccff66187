/// Reads JSON front to back without building objects, so that a vocabulary of 50 000 tokens takes
/// milliseconds.
///
/// The caller says what must come next; anything else is an ``InputError`` with its line and column. The
/// bytes must outlive the scanner.
package struct JSONScanner {
  let bytes: UnsafeRawBufferPointer
  private let name: String
  private let firstLine: Int
  private let requiresUTF8: Bool
  let readsPythonNumbers: Bool

  /// The place of the next byte to be read.
  package internal(set) var position = 0

  /// The bytes of the string read last, without escapes.
  package internal(set) var string: [UInt8] = []

  /// The string read last.
  package var text: String { String(decoding: string, as: UTF8.self) }

  /// A scanner of a document that errors call `name`.
  ///
  /// - Parameters:
  ///   - firstLine: The number of the document's first line, where it is a part of the file `name`.
  ///   - requiresUTF8: Whether bytes that are not UTF-8 are refused; else they pass inside strings.
  ///   - readsPythonNumbers: Whether NaN and Infinity, which JSON lacks and Python writes, are read.
  package init(
    _ bytes: UnsafeRawBufferPointer, name: String, firstLine: Int = 1, requiresUTF8: Bool = true,
    readsPythonNumbers: Bool = false
  ) {
    self.bytes = bytes
    self.name = name
    self.firstLine = firstLine
    self.requiresUTF8 = requiresUTF8
    self.readsPythonNumbers = readsPythonNumbers
  }

  /// An error at the present place.
  package func malformed(_ expected: String) -> InputError {
    let read = bytes[..<min(position, bytes.count)]
    let newline = UInt8(ascii: "\n")
    let line = read.reduce(firstLine) { $1 == newline ? $0 + 1 : $0 }
    let column = position - (read.lastIndex(of: newline) ?? -1)
    return InputError("\(name) is malformed at line \(line), column \(column): expected \(expected)")
  }

  /// The next byte that is not white space, which stays to be read; 0 at the end.
  package mutating func peek() -> UInt8 {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return bytes[position]
      }
    }
    return 0
  }

  /// Whether the next byte that is not white space is `mark`, which stays to be read.
  package mutating func isNext(_ mark: Unicode.Scalar) -> Bool { peek() == UInt8(ascii: mark) }

  private mutating func expect(_ mark: Unicode.Scalar) throws {
    guard isNext(mark) else { throw malformed("'\(mark)'") }
    position += 1
  }

  private mutating func skip(_ mark: Unicode.Scalar) -> Bool {
    guard isNext(mark) else { return false }
    position += 1
    return true
  }

  /// Reads an object; `body` must read the value of the member whose name is in ``string``.
  package mutating func object(_ body: (inout JSONScanner) throws -> Void) throws {
    try expect("{")
    if skip("}") { return }
    repeat {
      try readString()
      try expect(":")
      try body(&self)
    } while skip(",")
    try expect("}")
  }

  /// Reads an array; `body` must read one element.
  package mutating func array(_ body: (inout JSONScanner) throws -> Void) throws {
    try expect("[")
    if skip("]") { return }
    repeat { try body(&self) } while skip(",")
    try expect("]")
  }

  /// Reads a whole number from 0 to `largest`.
  package mutating func wholeNumber(upTo largest: Int = .max) throws -> Int {
    _ = peek()
    let start = position
    var value = 0
    var fits = true
    while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(digit))
      if overflow || carry || sum > largest { fits = false }
      value = sum
      position += 1
    }
    let next = position < bytes.count ? bytes[position] : 0
    guard position > start, fits, !".eE".utf8.contains(next) else {
      position = start
      throw malformed("a whole number from 0 to \(largest)")
    }
    return value
  }

  /// Throws unless nothing but white space is left.
  package mutating func finish() throws {
    guard peek() == 0, position == bytes.count else { throw malformed("the end of the text") }
  }
}

extension JSONScanner {
  /// Reads a string into ``string``; a lone surrogate in it becomes U+FFFD.
  package mutating func readString() throws {
    try expect("\"")
    string.removeAll(keepingCapacity: true)
    while true {
      try readPlainBytes()
      guard position < bytes.count else { throw malformed("the end of the string") }
      let byte = bytes[position]
      guard byte >= 0x20 else { throw malformed("no control character in a string") }
      position += 1
      guard byte == UInt8(ascii: "\\") else { return }
      try readEscape()
    }
  }

  /// Reads the bytes that stand for themselves.
  private mutating func readPlainBytes() throws {
    let start = position
    var all: UInt8 = 0
    while position < bytes.count {
      let byte = bytes[position]
      guard byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { break }
      all |= byte
      position += 1
    }
    let plain = bytes[start..<position]
    if all >= 0x80, requiresUTF8, String(validating: plain, as: UTF8.self) == nil {
      position = start
      throw malformed("a string in UTF-8")
    }
    string.append(contentsOf: UnsafeRawBufferPointer(rebasing: plain))
  }

  private mutating func readEscape() throws {
    guard position < bytes.count else { throw malformed("an escape") }
    let mark = bytes[position]
    position += 1
    switch mark {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): string.append(mark)
    case UInt8(ascii: "b"): string.append(0x08)
    case UInt8(ascii: "f"): string.append(0x0C)
    case UInt8(ascii: "n"): string.append(0x0A)
    case UInt8(ascii: "r"): string.append(0x0D)
    case UInt8(ascii: "t"): string.append(0x09)
    case UInt8(ascii: "u"): try readUnicodeEscape()
    default:
      position -= 1
      throw malformed("an escape")
    }
  }

  /// Reads the four digits after `\u`, and those of a second escape that makes one scalar of a pair of
  /// surrogates.
  private mutating func readUnicodeEscape() throws {
    var value = try readHexadecimal()
    if value & 0xFC00 == 0xD800, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
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
    string.append(contentsOf: String(Character(Unicode.Scalar(value) ?? "\u{FFFD}")).utf8)
  }

  private mutating func readHexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count,
        let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
      else { throw malformed("four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
