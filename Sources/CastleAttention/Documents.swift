/// How every row of a batch is cut into documents.
///
/// Neither causal nor lookahead keys cross a boundary: each document is a sequence of its own. The ranges are
/// checked when the value is made, once for all layers that read it; a copy of it costs nothing.
public struct Documents: Sendable, Hashable {
  /// The tokens of each document, in order and without gaps.
  public let ranges: [Range<Int>]

  /// One document of `length` tokens, or none if that is 0. Traps if it is negative.
  public init(length: Int) {
    precondition(length >= 0, "a document of \(length) tokens")
    ranges = length > 0 ? [0..<length] : []
  }

  /// Documents of the given lengths, one after the other; nil if a length is not positive.
  public init?(lengths: [Int]) {
    var ranges: [Range<Int>] = []
    var start = 0
    for length in lengths {
      guard length > 0 else { return nil }
      ranges.append(start..<start + length)
      start += length
    }
    self.ranges = ranges
  }

  /// Documents of the given ranges. Traps unless they begin at 0, follow each other without gaps and are not
  /// empty.
  public init(_ ranges: [Range<Int>]) {
    var end = 0
    for range in ranges {
      precondition(range.lowerBound == end, "documents must follow each other without gaps")
      precondition(!range.isEmpty, "a document without tokens")
      end = range.upperBound
    }
    self.ranges = ranges
  }

  /// The tokens of all documents together.
  public var length: Int { ranges.last?.upperBound ?? 0 }
}
