/// How wide the tokens of a shard are.
public enum TokenWidth: Int, Sendable, CaseIterable {
  /// Two bytes, for vocabularies of up to 65 536 tokens.
  case uint16 = 2
  /// Four bytes.
  case uint32 = 4

  /// The narrowest width that holds every token of a vocabulary.
  public init(vocabularySize: Int) {
    self = vocabularySize <= 1 << 16 ? .uint16 : .uint32
  }

  /// The number of bytes of one token.
  public var byteCount: Int { rawValue }

  /// The largest token that can be stored.
  var largest: Int { self == .uint16 ? Int(UInt16.max) : Int(Int32.max) }
}

/// The first bytes of a shard: 256 little-endian 32-bit integers, as llm.c defines them.
///
/// | integer | uint16 tokens | uint32 tokens |
/// |---|---|---|
/// | 0: magic | 20240520 | 20240801 |
/// | 1: version | 1 | 7 |
/// | 2 | number of tokens | number of tokens |
///
/// All others are zero. The tokens follow, little-endian.
enum TokenShardHeader {
  static let byteCount = 256 * 4

  /// The most tokens that the header can count.
  static let mostTokens = Int(Int32.max)

  static func magic(_ width: TokenWidth) -> Int32 {
    width == .uint16 ? 20_240_520 : 20_240_801
  }

  static func version(_ width: TokenWidth) -> Int32 {
    width == .uint16 ? 1 : 7
  }

  static func bytes(_ width: TokenWidth, tokenCount: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in [magic(width), version(width), Int32(tokenCount)] {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes + Array(repeating: 0, count: byteCount - bytes.count)
  }
}
