/// The tokens of pre-tokens seen lately: short ones of few tokens, which is nearly all of any text.
///
/// A table of fixed size whose buckets of two entries fill one cache line each; the older entry makes room.
final class PreTokenCache {
  /// Pre-tokens up to this many bytes are kept.
  static let longest = 15
  /// Pre-tokens of up to this many tokens are kept.
  static let mostTokens = 4

  /// The bytes of a pre-token as two integers; the upper half of the last byte holds the length.
  struct Key: Equatable {
    var low: UInt64
    var high: UInt64

    @inline(__always)
    var hash: UInt64 {
      let mixed = (low ^ (high &* 0x9E37_79B9_7F4A_7C15)) &* 0xD6E8_FEB8_6659_FD93
      return mixed ^ mixed >> 32
    }
  }

  struct Entry {
    var key: Key
    var tokens: SIMD4<Int32>
  }

  private static let buckets = 1 << 14
  private let entries: UnsafeMutablePointer<Entry>

  init() {
    let empty = Entry(key: Key(low: 0, high: 0), tokens: SIMD4(repeating: -1))
    entries = UnsafeMutableRawPointer.allocate(
      byteCount: 2 * Self.buckets * MemoryLayout<Entry>.stride, alignment: 64
    ).bindMemory(to: Entry.self, capacity: 2 * Self.buckets)
    entries.initialize(repeating: empty, count: 2 * Self.buckets)
  }

  deinit { entries.deallocate() }

  /// The key of the pre-token of `length` bytes, 1 to ``longest``, at `text`; `readable` bytes can be read
  /// there.
  @inline(__always)
  static func key(_ text: UnsafePointer<UInt8>, length: Int, readable: Int) -> Key {
    var low: UInt64
    var high: UInt64
    if readable >= 16 {
      let address = UnsafeRawPointer(text)
      low = UInt64(littleEndian: address.loadUnaligned(as: UInt64.self))
      high = UInt64(littleEndian: address.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      if length < 8 {
        low &= 1 << (8 * UInt64(length)) - 1
        high = 0
      } else {
        high &= 1 << (8 * UInt64(length - 8)) - 1
      }
    } else {
      low = 0
      high = 0
      for index in 0..<length {
        let byte = UInt64(text[index])
        if index < 8 { low |= byte << UInt64(8 * index) } else { high |= byte << UInt64(8 * (index - 8)) }
      }
    }
    return Key(low: low, high: high | UInt64(length) << 56)
  }

  /// The tokens of a pre-token, filled up with -1; nil if they are not known.
  @inline(__always)
  func find(_ key: Key) -> SIMD4<Int32>? {
    let bucket = entries + 2 * Int(truncatingIfNeeded: key.hash & UInt64(Self.buckets - 1))
    if bucket[0].key == key { return bucket[0].tokens }
    if bucket[1].key == key { return bucket[1].tokens }
    return nil
  }

  /// Remembers the tokens of a pre-token, at most ``mostTokens``.
  func insert(_ key: Key, _ tokens: UnsafeBufferPointer<Int32>) {
    var packed = SIMD4<Int32>(repeating: -1)
    for (index, token) in tokens.enumerated() { packed[index] = token }
    let bucket = entries + 2 * Int(truncatingIfNeeded: key.hash & UInt64(Self.buckets - 1))
    bucket[1] = bucket[0]
    bucket[0] = Entry(key: key, tokens: packed)
  }
}
