import CastleTokenizer
import Foundation

/// The tokens of an item.
struct EncodedItem {
  /// What became of one piece.
  struct Piece {
    /// Where its tokens end.
    var tokenEnd: Int
    /// The number of bytes that they stand for.
    var byteCount: Int
    /// The number of bytes that are not UTF-8.
    var invalidByteCount: Int
    /// The hash of a whole document, if hashes are wanted.
    var hash: UInt128?
  }

  var tokens: [Int32] = []
  var pieces: [Piece] = []
  /// Whether there is a line that holds only the name of the end-of-text token, as ordinary text.
  var hasEndLine = false
}

/// A line that ends documents in many published texts.
struct EndLine: Sendable {
  private let name: [UInt8]

  /// The line with the name of the token that ends texts.
  init(_ tokenizer: Tokenizer) {
    name = tokenizer.endOfText.map { Array(tokenizer.bytes(of: $0)) } ?? []
  }

  /// The line.
  var text: String { String(decoding: name, as: UTF8.self) }

  /// Whether `text` has such a line.
  func isIn(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = name.first, let base = text.baseAddress else { return false }
    func isLineEnd(_ place: Int) -> Bool {
      !text.indices.contains(place) || text[place] == UInt8(ascii: "\n") || text[place] == UInt8(ascii: "\r")
    }
    var start = 0
    while let found = memchr(base + start, Int32(first), text.count - start) {
      let place = UnsafeRawPointer(found) - UnsafeRawPointer(base)
      if isLineEnd(place - 1), isLineEnd(place + name.count), text[place...].starts(with: name) {
        return true
      }
      start = place + 1
    }
    return false
  }
}
