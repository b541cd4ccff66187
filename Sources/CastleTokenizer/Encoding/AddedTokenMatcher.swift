#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Finds added tokens in text: the leftmost, and of several at one place the longest.
///
/// The tokens are a trie over bytes, so that thousands of them cost no more than a few.
struct AddedTokenMatcher: Sendable {
  /// A token and the bytes that it is found by: its content, normalized if the token is.
  struct Pattern {
    var bytes: [UInt8]
    var token: AddedToken
  }

  private let tokens: [AddedToken]
  private var trie: ByteTrie
  /// Whether a byte is the first one of a token.
  private let isFirst: [Bool]
  /// The first byte of every token, if it is always the same.
  private let onlyFirst: UInt8?

  /// The length in bytes of the longest token, 0 if there is none.
  let longest: Int

  /// Whether a token looks at the characters around it, or takes white space in.
  let seesSurroundings: Bool

  init(_ patterns: [Pattern]) {
    tokens = patterns.map(\.token)
    trie = ByteTrie()
    var isFirst = [Bool](repeating: false, count: 256)
    for (index, pattern) in patterns.enumerated() {
      trie.insert(pattern.bytes, value: Int32(index))
      isFirst[Int(pattern.bytes[0])] = true
    }
    self.isFirst = isFirst
    longest = patterns.map(\.bytes.count).max() ?? 0
    let first = (0..<256).filter { isFirst[$0] }
    onlyFirst = first.count == 1 ? UInt8(first[0]) : nil
    seesSurroundings = tokens.contains { $0.stripsLeft || $0.stripsRight || $0.isSingleWord }
  }

  /// Cuts `range` at the tokens in it and calls `body` with the pieces: their range, and the id of those that
  /// are tokens. None is empty.
  func split(
    _ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ body: (Range<Int>, _ id: Int32?) -> Void
  ) {
    var position = range.lowerBound
    var done = range.lowerBound
    while let (index, end) = first(in: text, from: &position, to: range.upperBound) {
      let token = tokens[index]
      var match = position..<end
      position = end
      if seesSurroundings {
        guard !token.isSingleWord || isSingleWord(match, text, range) else { continue }
        if token.stripsLeft {
          match =
            max(done, spacesStart(text, before: match.lowerBound, from: range.lowerBound))..<match.upperBound
        }
        if token.stripsRight {
          match = match.lowerBound..<spacesEnd(text, from: match.upperBound, to: range.upperBound)
        }
      }
      if done < match.lowerBound { body(done..<match.lowerBound, nil) }
      body(match, token.id)
      done = match.upperBound
    }
    if done < range.upperBound { body(done..<range.upperBound, nil) }
  }

  /// The first token that starts at `position` or after, which moves there, and its end.
  private func first(
    in text: UnsafePointer<UInt8>, from position: inout Int, to end: Int
  ) -> (Int, Int)? {
    while position < end {
      if let onlyFirst {
        guard let found = memchr(text + position, Int32(onlyFirst), end - position) else { return nil }
        position = UnsafeRawPointer(found) - UnsafeRawPointer(text)
      } else if !isFirst[Int(text[position])] {
        position += 1
        continue
      }
      if let (value, length) = trie.longest(text + position, count: end - position) {
        return (Int(value), position + length)
      }
      position += 1
    }
    return nil
  }

  /// Whether an occurrence of a token starts before `place` and ends after it.
  func spans(_ place: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard longest > 1, let base = text.baseAddress else { return false }
    return (max(0, place - longest + 1)..<place).contains { start in
      guard let (_, length) = trie.longest(base + start, count: text.count - start) else { return false }
      return start + length > place
    }
  }

  private static let space = ScalarTable(ScalarProperties.space)
  private static let word = ScalarTable(ScalarProperties.wordAndJoiners)

  private func isSingleWord(_ match: Range<Int>, _ text: UnsafePointer<UInt8>, _ range: Range<Int>) -> Bool {
    var length = 1
    if match.lowerBound > range.lowerBound {
      let before = UTF8Decoding.before(match.lowerBound, in: text, from: range.lowerBound)
      if Self.word.contains(text, at: before, to: match.lowerBound, length: &length) { return false }
    }
    return match.upperBound == range.upperBound
      || !Self.word.contains(text, at: match.upperBound, to: range.upperBound, length: &length)
  }

  private func spacesStart(_ text: UnsafePointer<UInt8>, before end: Int, from start: Int) -> Int {
    var position = end
    var length = 1
    while position > start {
      let before = UTF8Decoding.before(position, in: text, from: start)
      guard Self.space.contains(text, at: before, to: position, length: &length) else { break }
      position = before
    }
    return position
  }

  private func spacesEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var position = start
    var length = 1
    while position < end, Self.space.contains(text, at: position, to: end, length: &length) {
      position += length
    }
    return position
  }
}
