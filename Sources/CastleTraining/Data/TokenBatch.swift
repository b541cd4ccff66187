public import CastleAttention

/// Sequences that are computed at a time: tokens, what should follow each of them, and where documents begin.
public struct TokenBatch: Sendable, Hashable {
  /// The tokens, sequence after sequence.
  public var tokens: [Int32]
  /// The token that should follow each of ``tokens``; −1 where nothing is asked.
  public var targets: [Int32]
  /// The documents within which attention stays. They cut ``tokens`` without gaps.
  public var documents: Documents

  /// Bundles the parts. Traps unless there is a target for each token and the documents cover all.
  public init(tokens: [Int32], targets: [Int32], documents: Documents) {
    precondition(tokens.count == targets.count, "a batch needs a target for each token")
    precondition(documents.length == tokens.count, "documents must cover all tokens of a batch")
    self.tokens = tokens
    self.targets = targets
    self.documents = documents
  }

  /// Sequences of `length` tokens that are one document each. Traps unless they have that length.
  public init(tokens: [Int32], targets: [Int32], length: Int) {
    let rows = Array(repeating: length, count: tokens.count / length)
    guard let documents = Documents(lengths: rows) else {
      preconditionFailure("sequences of \(length) tokens")
    }
    self.init(tokens: tokens, targets: targets, documents: documents)
  }

  /// The number of targets that count: those that are not −1.
  public var targetCount: Int { targetCount(in: [targets.indices]) }

  /// The number of targets that count among those of some tokens.
  func targetCount(in tokens: [Range<Int>]) -> Int {
    tokens.joined().reduce(0) { targets[$1] < 0 ? $0 : $0 + 1 }
  }
}
