import CastleAttention

extension Documents {
  /// The documents that `sequences` are. Traps unless they follow each other without gaps, cover all rows and are not
  /// empty.
  init(_ sequences: [Range<Int>], rowCount: Int) {
    var end = 0
    for sequence in sequences {
      precondition(sequence.lowerBound == end, "sequences must follow each other without gaps")
      end = sequence.upperBound
    }
    guard end == rowCount, let documents = Documents(lengths: sequences.map(\.count)) else {
      preconditionFailure("sequences must cover all \(rowCount) rows and not be empty")
    }
    self = documents
  }
}
