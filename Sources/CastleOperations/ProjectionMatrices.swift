public import CastleTensors

/// The projections of a layer, or their gradients, as matrices with one row a token.
///
/// Each is (tokens, heads · headSize), usually some columns of one wide matrix that one product has made.
public struct ProjectionMatrices {
  /// The heads that the columns hold.
  public var layout: HeadLayout
  /// q^U, k^U and v^U; nil for causal attention.
  public var lookahead: Lookahead?
  /// q^C, the queries.
  public var qc: Matrix
  /// k^C, the causal keys.
  public var kc: Matrix
  /// v^C, the values.
  public var vc: Matrix

  /// What builds the lookahead keys.
  public struct Lookahead {
    /// q^U.
    public var qu: Matrix
    /// k^U.
    public var ku: Matrix
    /// v^U.
    public var vu: Matrix
  }

  /// Takes the projections from the columns of `fused`: q^U, k^U, v^U (if `hasLookahead`), q^C, k^C, v^C.
  public init(fused: Matrix, layout: HeadLayout, hasLookahead: Bool) {
    let kvWidth = layout.kvHeads * layout.headSize
    let queryWidth = layout.queryHeads * layout.headSize
    var start = 0
    func next(_ width: Int) -> Matrix {
      defer { start += width }
      return fused.columns(start..<start + width)
    }
    self.layout = layout
    if hasLookahead {
      lookahead = Lookahead(qu: next(kvWidth), ku: next(kvWidth), vu: next(kvWidth))
    }
    qc = next(queryWidth)
    kc = next(kvWidth)
    vc = next(kvWidth)
    precondition(start == fused.columnCount, "fused projections of the wrong width")
  }

  /// The projections of some tokens.
  public func rows(_ range: Range<Int>) -> ProjectionMatrices {
    var part = self
    part.lookahead = lookahead.map {
      Lookahead(qu: $0.qu.rows(range), ku: $0.ku.rows(range), vu: $0.vu.rows(range))
    }
    part.qc = qc.rows(range)
    part.kc = kc.rows(range)
    part.vc = vc.rows(range)
    return part
  }
}
