/// The characters that stand for bytes in the names of byte-level tokens.
///
/// Printable Latin-1 characters stand for themselves; the other bytes, in order, have the characters from
/// U+0100 on. A space is "Ġ" and a line feed "Ċ". GPT-2 introduced it, every byte-level `tokenizer.json` uses
/// it.
enum ByteAlphabet {
  /// The scalar that stands for each byte.
  static let scalars: [UInt32] = {
    var next: UInt32 = 0x100
    return (0..<256).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
        return UInt32(byte)
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  /// The byte that each scalar below U+0144 stands for, -1 for those that stand for none.
  static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  /// The bytes that a token's name stands for, or nil if one of its characters stands for none.
  static func decode(_ name: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    var isAlphabetic = true
    let decoded = bytes.withUnsafeBufferPointer { bytes in
      [UInt8](unsafeUninitializedCapacity: name.count) { result, count in
        var index = 0
        while index < name.count, isAlphabetic {
          var scalar = Int(name[index])
          if scalar >= 0xC2, scalar < 0xE0, index + 1 < name.count {
            index += 1
            scalar = (scalar & 0x1F) << 6 | Int(name[index] & 0x3F)
          } else if scalar >= 0x80 {
            isAlphabetic = false
          }
          index += 1
          guard isAlphabetic, scalar < bytes.count, bytes[scalar] >= 0 else {
            isAlphabetic = false
            break
          }
          result[count] = UInt8(bytes[scalar])
          count += 1
        }
      }
    }
    return isAlphabetic ? decoded : nil
  }

  /// The name of a token of the given bytes, in UTF-8.
  static func encode(_ token: some Sequence<UInt8>) -> [UInt8] {
    var name: [UInt8] = []
    for byte in token {
      let scalar = scalars[Int(byte)]
      if scalar < 0x80 {
        name.append(UInt8(scalar))
      } else {
        name.append(UInt8(0xC0 | scalar >> 6))
        name.append(UInt8(0x80 | scalar & 0x3F))
      }
    }
    return name
  }
}
