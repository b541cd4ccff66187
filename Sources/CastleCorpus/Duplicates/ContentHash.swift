import CastleTensors

/// A 128-bit hash of bytes that come in pieces: equal bytes hash equally however they are cut.
///
/// Collisions are not expected in any real corpus. Fast, and no protection against forgery.
struct ContentHash {
  private var first: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var second: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private var byteCount = 0
  /// The bytes that fill no word yet, the first one lowest.
  private var open: UInt64 = 0

  /// The hash of some bytes.
  static func of(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt128 {
    var hash = ContentHash()
    hash.update(UnsafeRawBufferPointer(bytes))
    return hash.value
  }

  /// Takes in more bytes.
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var place = 0
    while byteCount % 8 != 0, place < bytes.count {
      take(bytes[place])
      place += 1
    }
    var (first, second) = (first, second)
    let words = (bytes.count - place) / 8
    for _ in 0..<words {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      Self.mix(word, &first, &second)
      place += 8
    }
    (self.first, self.second) = (first, second)
    byteCount += 8 * words
    while place < bytes.count {
      take(bytes[place])
      place += 1
    }
  }

  /// The hash of all bytes taken in.
  var value: UInt128 {
    var (first, second) = (first, second)
    Self.mix(open, &first, &second)
    Self.mix(UInt64(byteCount), &first, &second)
    return UInt128(SplitMix64.mixed(first)) << 64 | UInt128(SplitMix64.mixed(second ^ first))
  }

  private mutating func take(_ byte: UInt8) {
    open |= UInt64(byte) << UInt64(8 * (byteCount % 8))
    byteCount += 1
    guard byteCount % 8 == 0 else { return }
    Self.mix(open, &first, &second)
    open = 0
  }

  /// Every step maps the words one to one, so that two texts which differ in one word have different hashes.
  @inline(__always)
  private static func mix(_ word: UInt64, _ first: inout UInt64, _ second: inout UInt64) {
    first = (first ^ word) &* 0xFF51_AFD7_ED55_8CCD
    first ^= first >> 29
    second = (second ^ word) &* 0xC4CE_B9FE_1A85_EC53
    second ^= second >> 32
  }
}
