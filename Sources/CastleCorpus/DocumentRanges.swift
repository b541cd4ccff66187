/// Where documents begin in a batch.
package enum DocumentRanges {
  /// Replaces `sequences` by the ranges of `tokens` that begin with a window of `length` tokens or with `separator`.
  package static func find(
    in tokens: [Int32], length: Int, separator: Int32?, into sequences: inout [Range<Int>]
  ) {
    sequences.removeAll(keepingCapacity: true)
    var start = 0
    for place in 1..<max(tokens.count, 1) where place % length == 0 || tokens[place] == separator {
      sequences.append(start..<place)
      start = place
    }
    if !tokens.isEmpty { sequences.append(start..<tokens.count) }
  }
}
