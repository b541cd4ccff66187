/// Where documents begin in a batch.
package enum DocumentRanges {
  /// Replaces `documents` by the ranges of `tokens` that begin where a sequence of `length` tokens does, or
  /// with `separator`.
  package static func find(
    in tokens: [Int32], length: Int, separator: Int32?, into documents: inout [Range<Int>]
  ) {
    documents.removeAll(keepingCapacity: true)
    var start = 0
    for place in 1..<max(tokens.count, 1) where place % length == 0 || tokens[place] == separator {
      documents.append(start..<place)
      start = place
    }
    if !tokens.isEmpty { documents.append(start..<tokens.count) }
  }
}
