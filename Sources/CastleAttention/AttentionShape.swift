/// The sizes of an attention problem, read off its projections.
public struct AttentionShape: Sendable, Hashable {
  /// The number of sequences, B.
  public let batch: Int
  /// The number of query heads, Hq.
  public let queryHeads: Int
  /// The number of heads of all other projections, H.
  public let kvHeads: Int
  /// The number of tokens, L.
  public let length: Int
  /// The size of a head, d.
  public let headSize: Int

  /// How many query heads share one KV head.
  @inlinable public var group: Int { queryHeads / kvHeads }

  /// Traps if the projections do not fit each other or `mechanism`.
  @inlinable
  public init<Scalar>(_ projections: AttentionProjections<Scalar>, mechanism: Mechanism) {
    let kc = projections.kc
    batch = kc.batch
    queryHeads = projections.qc.heads
    kvHeads = kc.heads
    length = kc.length
    headSize = kc.size
    precondition(kvHeads > 0 && queryHeads > 0 && queryHeads % kvHeads == 0, "heads do not form groups")
    precondition(headSize > 0, "a head needs at least one feature")
    precondition(
      fits(projections.qc, heads: queryHeads) && fits(projections.vc, heads: kvHeads),
      "query, key and value shapes differ")
    guard let lookahead = projections.lookahead else {
      precondition(!mechanism.hasLookahead, "this mechanism needs q^U, k^U and v^U")
      return
    }
    precondition(
      fits(lookahead.qu, heads: kvHeads) && fits(lookahead.ku, heads: kvHeads)
        && fits(lookahead.vu, heads: kvHeads), "lookahead projections of another shape")
  }

  /// Whether `view` is (B, `heads`, L, d).
  @inlinable
  public func fits<Scalar>(_ view: HeadView<Scalar>, heads: Int) -> Bool {
    fits(view, heads: heads, size: headSize)
  }

  @inlinable
  func fits<Scalar>(_ view: HeadView<Scalar>, heads: Int, size: Int) -> Bool {
    view.batch == batch && view.heads == heads && view.length == length && view.size == size
  }
}

extension AttentionShape {
  /// The sizes where keys are of fewer tokens than queries.
  init(queries: HeadView<Float>, kvHeads: Int) {
    precondition(kvHeads > 0 && queries.heads % kvHeads == 0, "heads do not form groups")
    batch = queries.batch
    queryHeads = queries.heads
    self.kvHeads = kvHeads
    length = queries.length
    headSize = queries.size
  }
}

/// What every form of attention expects of the memory that it is given, beside its projections.
extension AttentionShape {
  /// Traps unless `documents` cover the sequence.
  @inlinable
  func check(_ documents: Documents) {
    precondition(documents.length == length, "documents do not cover the sequence")
  }

  /// Traps unless all results that are given have the shapes that ``AttentionResults`` says.
  @inlinable
  func check<Scalar>(_ results: AttentionResults<Scalar>) {
    check(output: results.output, logSumExp: results.logSumExp)
    guard let keys = results.lookaheadKeys else { return }
    precondition(fits(keys, heads: kvHeads), "lookahead keys of another shape")
  }

  /// Traps unless outputs and, if they are given, log-sum-exps have the shapes that ``AttentionResults``
  /// says.
  @inlinable
  func check<Scalar>(output: HeadView<Scalar>, logSumExp: HeadView<Scalar>?) {
    precondition(fits(output, heads: queryHeads), "outputs of another shape")
    guard let logSumExp else { return }
    precondition(fits(logSumExp, heads: queryHeads, size: 1), "log-sum-exps of another shape")
  }

  /// Traps unless the gradient of the outputs and those of the projections have the shapes of what they
  /// belong to.
  @inlinable
  func check<Scalar>(
    dOutput: HeadView<Scalar>, gradients: AttentionProjections<Scalar>, mechanism: Mechanism
  ) {
    precondition(fits(dOutput, heads: queryHeads), "dO of another shape")
    precondition(AttentionShape(gradients, mechanism: mechanism) == self, "gradients of another shape")
  }
}
