/// The sizes of an attention problem, read off its projections.
public struct AttentionShape: Sendable, Hashable {
  /// The number of sequences, B.
  public let batch: Int
  /// The number of query heads, Hq.
  public let queryHeads: Int
  /// The number of heads of all other projections, H.
  public let keyHeads: Int
  /// The number of tokens, L.
  public let length: Int
  /// The size of a head, d.
  public let headSize: Int

  /// How many query heads share one key head.
  @inlinable public var group: Int { queryHeads / keyHeads }

  /// Traps if the projections do not fit each other or `mechanism`.
  @inlinable
  public init<Scalar>(_ projections: AttentionProjections<Scalar>, mechanism: Mechanism) {
    let kc = projections.kc
    batch = kc.batch
    queryHeads = projections.qc.heads
    keyHeads = kc.heads
    length = kc.length
    headSize = kc.size
    precondition(keyHeads > 0 && queryHeads > 0 && queryHeads % keyHeads == 0, "heads do not form groups")
    precondition(headSize > 0, "a head needs at least one feature")
    precondition(
      fits(projections.qc, heads: queryHeads) && fits(projections.vc, heads: keyHeads),
      "query, key and value shapes differ")
    if mechanism.hasLookahead {
      guard let lookahead = projections.lookahead else {
        preconditionFailure("this mechanism needs q^U, k^U and v^U")
      }
      precondition(
        fits(lookahead.qu, heads: keyHeads) && fits(lookahead.ku, heads: keyHeads)
          && fits(lookahead.vu, heads: keyHeads), "lookahead projections of another shape")
    }
  }

  /// Whether `view` is (B, `heads`, L, d).
  @inlinable
  public func fits<Scalar>(_ view: HeadView<Scalar>, heads: Int) -> Bool {
    view.batch == batch && view.heads == heads && view.length == length && view.size == headSize
  }
}
