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
