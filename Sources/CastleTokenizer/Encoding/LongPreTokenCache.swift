/// The tokens of pre-tokens that are too long for ``PreTokenCache``, such as words in scripts of two and
/// three bytes a character. When it is full it starts again.
final class LongPreTokenCache {
  /// Pre-tokens up to this many bytes are kept.
  static let longest = 256

  private struct Entry {
    var hash: UInt64 = 0
    var bytes = 0
    var byteCount: Int32 = -1
    var tokenCount: Int32 = 0
    var tokens = 0
  }

  private static let slotCount = 1 << 14
  private var entries = [Entry](repeating: Entry(), count: slotCount)
  private var count = 0
  private var bytes: [UInt8] = []
  private var tokens: [Int32] = []

  /// The hash of a pre-token, for the two other functions.
  @inline(__always)
  static func hash(_ preToken: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let hash = ByteHash.of(preToken)
    return hash ^ hash >> 32
  }

  /// Appends the tokens of a pre-token to `output`; false if they are not known.
  func append(_ preToken: UnsafeBufferPointer<UInt8>, hash: UInt64, to output: inout [Int32]) -> Bool {
    var slot = Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
    while entries[slot].byteCount >= 0 {
      let entry = entries[slot]
      if entry.hash == hash, entry.byteCount == preToken.count,
        bytes[entry.bytes..<entry.bytes + preToken.count].elementsEqual(preToken)
      {
        output.append(contentsOf: tokens[entry.tokens..<entry.tokens + Int(entry.tokenCount)])
        return true
      }
      slot = (slot + 1) & (Self.slotCount - 1)
    }
    return false
  }

  /// Remembers the tokens of a pre-token that is not known.
  func insert(_ preToken: UnsafeBufferPointer<UInt8>, hash: UInt64, _ found: UnsafeBufferPointer<Int32>) {
    if 2 * count >= Self.slotCount {
      entries = Array(repeating: Entry(), count: Self.slotCount)
      bytes.removeAll(keepingCapacity: true)
      tokens.removeAll(keepingCapacity: true)
      count = 0
    }
    var slot = Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
    while entries[slot].byteCount >= 0 { slot = (slot + 1) & (Self.slotCount - 1) }
    entries[slot] = Entry(
      hash: hash, bytes: bytes.count, byteCount: Int32(preToken.count), tokenCount: Int32(found.count),
      tokens: tokens.count)
    bytes.append(contentsOf: preToken)
    tokens.append(contentsOf: found)
    count += 1
  }
}
