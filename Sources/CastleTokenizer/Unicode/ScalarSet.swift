/// A set of Unicode scalars, as sorted ranges with gaps between them.
struct ScalarSet: Equatable, Sendable {
  private(set) var ranges: [ClosedRange<UInt32>]

  /// The highest value of a scalar.
  static let last: UInt32 = 0x10FFFF

  /// All scalars.
  static let all = ScalarSet([0...last])

  /// The set of all values in `ranges`, which may overlap and come in any order.
  init(_ ranges: [ClosedRange<UInt32>] = []) {
    var merged: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last,
        range.lowerBound <= last.upperBound || range.lowerBound == last.upperBound + 1
      {
        merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    self.ranges = merged
  }

  /// The assigned scalars that `isIncluded` is true for. Planes without assigned characters are not asked
  /// for.
  init(where isIncluded: (Unicode.Scalar) -> Bool) {
    var ranges: [ClosedRange<UInt32>] = []
    for plane: ClosedRange<UInt32> in [0...0x33FFF, 0xE0000...0xE01FF] {
      for value in plane {
        guard let scalar = Unicode.Scalar(value), isIncluded(scalar) else { continue }
        if let last = ranges.last, last.upperBound + 1 == value {
          ranges[ranges.count - 1] = last.lowerBound...value
        } else {
          ranges.append(value...value)
        }
      }
    }
    self.ranges = ranges
  }

  /// The set of single values.
  init(values: some Sequence<UInt32>) { self.init(values.map { $0...$0 }) }

  var isEmpty: Bool { ranges.isEmpty }

  func contains(_ value: UInt32) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].lowerBound <= value
  }

  func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

  var complement: ScalarSet {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= Self.last { result.append(next...Self.last) }
    return ScalarSet(result)
  }

  func intersection(_ other: ScalarSet) -> ScalarSet { complement.union(other.complement).complement }
}

/// A ``ScalarSet`` made for fast look-up.
final class ScalarTable: Sendable {
  /// The number of scalars in the bit map; what is above is looked up in the ranges.
  private static let mapped = 0x34000

  let set: ScalarSet
  nonisolated(unsafe) private let bits: UnsafeMutablePointer<UInt64>

  init(_ set: ScalarSet) {
    self.set = set
    bits = .allocate(capacity: Self.mapped / 64)
    bits.initialize(repeating: 0, count: Self.mapped / 64)
    for range in set.ranges where range.lowerBound < Self.mapped {
      for value in Int(range.lowerBound)...min(Int(range.upperBound), Self.mapped - 1) {
        bits[value >> 6] |= 1 << UInt64(value & 63)
      }
    }
  }

  deinit { bits.deallocate() }

  @inline(__always)
  func contains(_ value: UInt32) -> Bool {
    value < Self.mapped ? bits[Int(value >> 6)] >> UInt64(value & 63) & 1 != 0 : set.contains(value)
  }

  /// Whether the set has the character at `position`; `length` becomes its length in bytes. What is not UTF-8
  /// is taken for U+FFFD.
  @inline(__always)
  func contains(_ text: UnsafePointer<UInt8>, at position: Int, to end: Int, length: inout Int) -> Bool {
    let byte = text[position]
    if byte < 0x80 {
      length = 1
      return bits[Int(byte >> 6)] >> UInt64(byte & 63) & 1 != 0
    }
    let value = UTF8Decoding.scalar(text, at: position, to: end, length: &length)
    return contains(value)
  }
}
