public import CastleText

/// A text to measure a model on: tokens in shards or in memory.
public struct EvaluationText: Sendable {
  /// The name under which results are reported.
  public let name: String
  /// The number of tokens, the first included, which is never predicted.
  public let tokenCount: Int
  /// The mean number of bytes of a token, if known.
  public let bytesPerToken: Double?

  /// The token that begins a document, if known.
  public let separator: Int32?

  private let source: Source

  private enum Source: Sendable {
    case shards([TokenShard])
    case tokens([Int32])
  }

  /// The tokens of `shards`, at most `limit` of them (0: all).
  public init(
    name: String, shards: [TokenShard], bytesPerToken: Double?, separator: Int32?, limit: Int = 0
  ) {
    self.name = name
    self.bytesPerToken = bytesPerToken
    self.separator = separator
    let total = shards.reduce(0) { $0 + $1.tokenCount }
    tokenCount = limit > 0 ? min(limit, total) : total
    source = .shards(shards)
  }

  /// Tokens in memory.
  public init(name: String, tokens: [Int32], bytesPerToken: Double?, separator: Int32?) {
    self.name = name
    self.bytesPerToken = bytesPerToken
    self.separator = separator
    tokenCount = tokens.count
    source = .tokens(tokens)
  }

  /// The tokens at `places`.
  ///
  /// - Throws: ``TextChanged`` if a shard has been changed since it was opened.
  func tokens(_ places: Range<Int>) throws -> [Int32] {
    switch source {
    case .tokens(let tokens):
      return Array(tokens[places])
    case .shards(let shards):
      var result: [Int32] = []
      var start = 0
      for shard in shards {
        let low = max(places.lowerBound - start, 0)
        let high = min(places.upperBound - start, shard.tokenCount)
        if low < high {
          try shard.checkUnchanged()
          result += shard.tokens(low..<high)
        }
        start += shard.tokenCount
      }
      return result
    }
  }
}
