/// The queries of one head group for a block of tokens, and what they have gathered so far.
struct QueryBlock {
  /// The tokens of the block, counted from the start of the document.
  var tokens: Range<Int>
  /// k^U times ``BlockContext/scale``, (tokens, d).
  var ku: Rows
  /// v^U, (tokens, d).
  var vu: Rows
  /// q^C of the first head of the group times ``BlockContext/scale``, (tokens, d); the next head is
  /// `queryHeadStride` on.
  var queries: Rows
  var queryHeadStride: Int
  /// E of the first head, (tokens, tokens).
  var e: Rows
  var eHeadStride: Int
  /// The weighted sum of values, (tokens, d) in whole vectors.
  var output: Rows
  var outputHeadStride: Int
  /// A score at most a little below the largest, in units of ln 2, and the sum of 2^(score − reference) so
  /// far, an element a token.
  var references: UnsafeMutablePointer<Float>
  var sums: UnsafeMutablePointer<Float>
  var statisticsHeadStride: Int
}
