/// How the numbers of gradients travel between ranks. Sums are taken in single precision either way.
public enum GradientFormat: String, Sendable, Hashable, CaseIterable {
  /// As they are.
  case float32
  /// Rounded to 8 bits of mantissa, the nearest even: half the bytes.
  case bfloat16

  /// The bytes of a number.
  var byteCount: Int { self == .float32 ? MemoryLayout<Float>.size : MemoryLayout<UInt16>.size }
}

/// The upper halves of single-precision numbers.
enum BFloat16 {
  /// Rounds `numbers` to the nearest, ties to even. A number that is none stays none.
  static func encode(_ numbers: UnsafeBufferPointer<Float>, into halves: UnsafeMutablePointer<UInt16>) {
    for index in 0..<numbers.count {
      let bits = numbers[index].bitPattern
      let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16
      let isNumber = bits & 0x7FFF_FFFF <= 0x7F80_0000
      halves[index] = UInt16(truncatingIfNeeded: isNumber ? rounded : bits >> 16 | 0x40)
    }
  }

  /// The numbers that `halves` are, or with `adds` the sums of these and what is there.
  static func decode(
    _ halves: UnsafePointer<UInt16>, into numbers: UnsafeMutableBufferPointer<Float>, adds: Bool
  ) {
    for index in 0..<numbers.count {
      let number = Float(bitPattern: UInt32(halves[index]) << 16)
      numbers[index] = adds ? numbers[index] + number : number
    }
  }
}
