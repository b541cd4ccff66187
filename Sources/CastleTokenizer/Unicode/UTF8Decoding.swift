/// UTF-8 as bytes, without `String`.
package enum UTF8Decoding {
  /// U+FFFD.
  static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

  /// What stands at one place of a byte sequence.
  enum Step: Equatable {
    /// A well-formed scalar of `length` bytes.
    case scalar(value: UInt32, length: Int)
    /// `length` bytes that no continuation can turn into a scalar.
    case invalid(length: Int)
    /// `length` bytes up to the end of the sequence that a continuation could complete.
    case incomplete(length: Int)
  }

  /// Reads one scalar. Ill-formed bytes are taken in maximal subparts, as the Unicode Standard (3.9, U+FFFD
  /// substitution of maximal subparts) recommends and Python's `errors="replace"` does.
  @inline(__always)
  static func step(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Step {
    let first = text[start]
    if first < 0x80 { return .scalar(value: UInt32(first), length: 1) }
    let length: Int
    var low: UInt8 = 0x80
    var high: UInt8 = 0xBF
    var value: UInt32
    switch first {
    case 0xC2...0xDF:
      length = 2
      value = UInt32(first & 0x1F)
    case 0xE0...0xEF:
      length = 3
      value = UInt32(first & 0x0F)
      if first == 0xE0 { low = 0xA0 }
      if first == 0xED { high = 0x9F }
    case 0xF0...0xF4:
      length = 4
      value = UInt32(first & 0x07)
      if first == 0xF0 { low = 0x90 }
      if first == 0xF4 { high = 0x8F }
    default:
      return .invalid(length: 1)
    }
    for index in 1..<length {
      guard start + index < end else { return .incomplete(length: index) }
      let byte = text[start + index]
      guard byte >= low, byte <= high else { return .invalid(length: index) }
      value = value << 6 | UInt32(byte & 0x3F)
      low = 0x80
      high = 0xBF
    }
    return .scalar(value: value, length: length)
  }

  /// The scalar at `position`, U+FFFD for what is not UTF-8; `length` becomes its length in bytes.
  @inline(__always)
  static func scalar(
    _ text: UnsafePointer<UInt8>, at position: Int, to end: Int, length: inout Int
  ) -> UInt32 {
    switch step(text, from: position, to: end) {
    case .scalar(let value, let size):
      length = size
      return value
    case .invalid(let size), .incomplete(let size):
      length = size
      return 0xFFFD
    }
  }

  /// Where the character starts that ends at `position`, which is above `start`.
  static func before(_ position: Int, in text: UnsafePointer<UInt8>, from start: Int) -> Int {
    var first = position - 1
    if text[first] < 0x80 { return first }
    while first > max(start, position - 4), text[first] & 0xC0 == 0x80 { first -= 1 }
    var length = 1
    _ = scalar(text, at: first, to: position, length: &length)
    return first + length == position ? first : position - 1
  }

  /// The bytes of one scalar.
  static func bytes(of value: UInt32) -> [UInt8] {
    guard let scalar = Unicode.Scalar(value) else { return replacement }
    return Array(String(scalar).utf8)
  }

  /// The index of the first byte that is not part of well-formed UTF-8, or `count`.
  package static func validPrefix(_ text: UnsafePointer<UInt8>, count: Int) -> Int {
    var index = 0
    while index < count {
      if count - index >= 8 {
        let word = UnsafeRawPointer(text + index).loadUnaligned(as: UInt64.self)
        if word & 0x8080_8080_8080_8080 == 0 {
          index += 8
          continue
        }
      }
      guard case .scalar(_, let length) = step(text, from: index, to: count) else { return index }
      index += length
    }
    return count
  }

  /// A copy in which every maximal subpart that is not UTF-8 is U+FFFD; nil when the text is well-formed.
  package static func repaired(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard let base = text.baseAddress else { return nil }
    var valid = validPrefix(base, count: text.count)
    if valid == text.count { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(text.count + text.count / 8 + 16)
    var index = 0
    while index < text.count {
      result.append(contentsOf: UnsafeBufferPointer(start: base + index, count: valid))
      index += valid
      guard index < text.count else { break }
      switch step(base, from: index, to: text.count) {
      case .invalid(let length), .incomplete(let length):
        result.append(contentsOf: replacement)
        index += length
      case .scalar:
        break
      }
      valid = validPrefix(base + index, count: text.count - index)
    }
    return result
  }
}
