/// One merge: `left` and `right`, when adjacent, become `merged`.
public struct Merge: Sendable, Hashable {
  /// The id of the first token.
  public var left: Int32
  /// The id of the second token.
  public var right: Int32
  /// The id of the token that is the two together.
  public var merged: Int32

  /// A merge of `left` and `right` into `merged`.
  public init(left: Int32, right: Int32, merged: Int32) {
    self.left = left
    self.right = right
    self.merged = merged
  }
}
