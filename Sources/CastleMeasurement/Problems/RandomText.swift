/// Texts of all kinds, the same in every run.
package struct RandomText {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  package mutating func number(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(bound))
  }

  /// A scalar: mostly ASCII, often white space or an apostrophe, else from anywhere in Unicode.
  package mutating func scalar() -> Unicode.Scalar {
    switch number(below: 10) {
    case 0...3: return Unicode.Scalar(UInt8(32 + number(below: 95)))
    case 4: return [" ", "\n", "\t", "\r", "\u{A0}", "\u{3000}", "\u{85}", "\u{2028}"][number(below: 8)]
    case 5: return [" ", "'", "s", "t", "r", "e", "v", "l"][number(below: 8)]
    case 6: return Unicode.Scalar(UInt32(0x80 + number(below: 0x580)))!
    case 7: return Unicode.Scalar(UInt32(0x4E00 + number(below: 0x100)))!
    case 8: return Unicode.Scalar(UInt32(0x1F300 + number(below: 0x400)))!
    default:
      return Unicode.Scalar(UInt32(number(below: 0x110000))) ?? "\u{FFFD}"
    }
  }

  /// Up to `longest` scalars in UTF-8.
  package mutating func text(longest: Int) -> [UInt8] {
    var text = String.UnicodeScalarView()
    for _ in 0..<number(below: longest + 1) { text.append(scalar()) }
    return Array(String(text).utf8)
  }

  /// Up to `longest` bytes, half of them not ASCII.
  package mutating func bytes(longest: Int) -> [UInt8] {
    (0..<number(below: longest + 1)).map { _ in UInt8(number(below: 256)) }
  }
}
