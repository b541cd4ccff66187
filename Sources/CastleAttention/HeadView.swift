/// A four-dimensional view, (batch, head, token, feature), of numbers that the caller owns.
///
/// The features of a token are adjacent; the three other strides are free, so that a view can be of a tensor
/// of shape (B, H, L, d) or of some columns of a matrix of projections with one row a token.
public struct HeadView<Scalar>: @unchecked Sendable {
  /// The element (0, 0, 0, 0).
  public var base: UnsafeMutablePointer<Scalar>
  /// The number of sequences, B.
  public var batch: Int
  /// The number of heads, H.
  public var heads: Int
  /// The number of tokens, L.
  public var length: Int
  /// The size of a head, d.
  public var size: Int
  /// The distance from a sequence to the next, in elements.
  public var batchStride: Int
  /// The distance from a head to the next, in elements.
  public var headStride: Int
  /// The distance from a token to the next, in elements.
  public var tokenStride: Int

  /// A view with the given strides.
  public init(
    _ base: UnsafeMutablePointer<Scalar>, batch: Int, heads: Int, length: Int, size: Int,
    batchStride: Int, headStride: Int, tokenStride: Int
  ) {
    self.base = base
    self.batch = batch
    self.heads = heads
    self.length = length
    self.size = size
    self.batchStride = batchStride
    self.headStride = headStride
    self.tokenStride = tokenStride
  }

  /// A view of a dense tensor of shape (B, H, L, d).
  public init(
    dense base: UnsafeMutablePointer<Scalar>, batch: Int, heads: Int, length: Int, size: Int
  ) {
    self.init(
      base, batch: batch, heads: heads, length: length, size: size,
      batchStride: heads * length * size, headStride: length * size, tokenStride: size)
  }

  /// The features of one token.
  @inlinable
  public func token(_ batch: Int, _ head: Int, _ token: Int) -> UnsafeMutablePointer<Scalar> {
    base + (batch * batchStride + head * headStride + token * tokenStride)
  }
}

/// The six projections that attention reads, or their gradients.
///
/// `qc` may have a multiple of the heads of the others: neighboring query heads then share one group of
/// (q^U, k^U, v^U, k^C, v^C).
public struct AttentionProjections<Scalar>: Sendable {
  /// q^U, k^U and v^U: what builds the lookahead keys. Nil for causal attention.
  public var lookahead: Lookahead?
  /// q^C, the queries, (B, Hq, L, d).
  public var qc: HeadView<Scalar>
  /// k^C, the causal keys, (B, H, L, d).
  public var kc: HeadView<Scalar>
  /// v^C, the values, (B, H, L, d).
  public var vc: HeadView<Scalar>

  /// The three projections that build lookahead keys, each (B, H, L, d).
  public struct Lookahead: Sendable {
    /// q^U: what a key looks for in the tokens after it.
    public var qu: HeadView<Scalar>
    /// k^U: what a token offers to the keys before it.
    public var ku: HeadView<Scalar>
    /// v^U: what a key takes over.
    public var vu: HeadView<Scalar>

    /// Bundles the three.
    public init(qu: HeadView<Scalar>, ku: HeadView<Scalar>, vu: HeadView<Scalar>) {
      self.qu = qu
      self.ku = ku
      self.vu = vu
    }
  }

  /// Bundles the projections.
  public init(
    lookahead: Lookahead?, qc: HeadView<Scalar>, kc: HeadView<Scalar>, vc: HeadView<Scalar>
  ) {
    self.lookahead = lookahead
    self.qc = qc
    self.kc = kc
    self.vc = vc
  }
}

/// What the forward pass leaves behind, and the backward pass reads.
public struct AttentionResults<Scalar>: Sendable {
  /// o, the outputs, (B, Hq, L, d).
  public var output: HeadView<Scalar>
  /// The log-sum-exp of each row of scores, (B, Hq, L, 1).
  public var logSumExp: HeadView<Scalar>
  /// The lookahead keys after the last token of each document, (B, H, L, d). Nil for causal attention.
  public var lookaheadKeys: HeadView<Scalar>?

  /// Bundles the results.
  public init(
    output: HeadView<Scalar>, logSumExp: HeadView<Scalar>, lookaheadKeys: HeadView<Scalar>?
  ) {
    self.output = output
    self.logSumExp = logSumExp
    self.lookaheadKeys = lookaheadKeys
  }
}
