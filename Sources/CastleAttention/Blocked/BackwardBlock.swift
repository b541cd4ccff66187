/// The queries of one head group for a block of tokens, and the gradients that they gather, up to
/// ``GradientFactors``.
///
/// What belongs to a query head is given for the first head of the group, with the distance to the next.
struct BackwardBlock {
  /// The tokens of the block, counted from the start of the document.
  var tokens: Range<Int>
  /// k^U, times ``BlockContext/scale``, and v^U, (tokens, d).
  var ku, vu: Rows
  /// q^C times ``BlockContext/scale``, (tokens, d), and its gradient.
  var queries, dQueries: Rows
  var queryHeadStride, dQueryHeadStride: Int
  /// dO, (tokens, d).
  var dOutput: Rows
  var dOutputHeadStride: Int
  /// E and its gradient, (tokens, tokens).
  var e, dE: Rows
  var eHeadStride: Int
  /// The log-sum-exp and Δ = dO · o, an element a token.
  var logSumExp, delta: UnsafeMutablePointer<Float>
  var statisticsHeadStride: Int
  /// The gradient of k^U, (tokens, d).
  var dKU: Rows
  /// The gradient of v^U that comes through U, (d, block rows).
  var dVU: Rows
}
