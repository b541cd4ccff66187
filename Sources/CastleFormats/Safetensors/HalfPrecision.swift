/// IEEE half precision, on processors that have no type for it too.
enum HalfPrecision {
  /// The number whose half-precision pattern is `pattern`: 1 sign bit, 5 exponent bits, 10 fraction bits.
  static func float(bitPattern pattern: UInt16) -> Float {
    let sign = UInt32(pattern & 0x8000) << 16
    let exponent = UInt32(pattern >> 10) & 0x1f
    let fraction = UInt32(pattern & 0x3ff)
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      return sign == 0 ? magnitude : -magnitude
    case 0x1f:
      return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
    default:
      return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
