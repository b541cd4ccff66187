public import CastleTensors

/// The heads of an attention layer.
public struct HeadLayout: Sendable, Hashable {
  /// The number of query heads.
  public let queryHeads: Int
  /// The number of KV heads: a divisor of `queryHeads`.
  public let kvHeads: Int
  /// The number of features of a head.
  public let headSize: Int

  /// Traps if a number is not positive or `kvHeads` does not divide `queryHeads`.
  public init(queryHeads: Int, kvHeads: Int, headSize: Int) {
    precondition(queryHeads > 0 && kvHeads > 0 && headSize > 0 && queryHeads % kvHeads == 0)
    self.queryHeads = queryHeads
    self.kvHeads = kvHeads
    self.headSize = headSize
  }
}

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

/// What a layer remembers of a sequence: the UQ-KV cache, or the keys and values of ordinary attention.
public protocol AttentionCache: AnyObject {
  /// The number of tokens in the cache.
  var length: Int { get }

  /// The number of tokens that fit.
  var capacity: Int { get }

  /// The bytes that the tokens now in the cache take, and the snapshots. What several of them share counts once.
  var byteCount: Int { get }

  /// A copy that goes its own way, and shares with this cache what later tokens do not change. The two are used by one
  /// thread of control, as everything of a backend.
  func fork() -> any AttentionCache

  /// Remembers the state after the tokens now in the cache, so that ``truncate(to:)`` can come back to it, until
  /// ``discardSnapshots()`` or a truncation to fewer tokens.
  ///
  /// A snapshot takes no time. The tokens that come next copy what they change: the lookahead keys that the window reaches,
  /// which for full lookahead are those of all tokens.
  func snapshot()

  /// Forgets all snapshots and gives back their memory.
  func discardSnapshots()

  /// Whether ``truncate(to:)`` can go to `length`: if a snapshot was taken there, it is the present length or 0, or the
  /// mechanism has no lookahead keys to restore and there are as many tokens.
  func canTruncate(to length: Int) -> Bool

  /// Drops the tokens from `length` on. Traps if ``canTruncate(to:)`` says no.
  func truncate(to length: Int)
}
