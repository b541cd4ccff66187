#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Finds added tokens in text: the leftmost, and of several at one place the longest.
struct AddedTokenMatcher: Sendable {
  /// An occurrence of an added token.
  struct Match {
    var range: Range<Int>
    var id: Int32
  }

  private struct Pattern {
    var bytes: [UInt8]
    var id: Int32
  }

  /// The patterns by their first byte, the longest first.
  private var patterns: [[Pattern]] = Array(repeating: [], count: 256)
  /// The first byte of every pattern, if it is always the same.
  private var onlyFirst: UInt8?

  /// The length in bytes of the longest token, 0 if there is none.
  let longest: Int

  init(_ tokens: [AddedToken]) {
    for token in tokens where !token.content.isEmpty {
      let bytes = Array(token.content.utf8)
      patterns[Int(bytes[0])].append(Pattern(bytes: bytes, id: token.id))
    }
    for byte in 0..<256 {
      patterns[byte].sort { $0.bytes.count > $1.bytes.count }
    }
    longest = patterns.joined().map(\.bytes.count).max() ?? 0
    let first = (0..<256).filter { !patterns[$0].isEmpty }
    onlyFirst = first.count == 1 ? UInt8(first[0]) : nil
  }

  /// The first occurrence that starts at `start` or after.
  func first(in text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Match? {
    guard longest > 0 else { return nil }
    var position = start
    while position < end {
      if let onlyFirst {
        guard let found = memchr(text + position, Int32(onlyFirst), end - position) else { return nil }
        position = UnsafeRawPointer(found) - UnsafeRawPointer(text)
      }
      for pattern in patterns[Int(text[position])] where pattern.bytes.count <= end - position {
        if memcmp(pattern.bytes, text + position, pattern.bytes.count) == 0 {
          return Match(range: position..<position + pattern.bytes.count, id: pattern.id)
        }
      }
      position += 1
    }
    return nil
  }
}
