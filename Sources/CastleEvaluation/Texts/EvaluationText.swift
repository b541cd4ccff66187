public import CastleCorpus
import CastleFormats
public import CastleTokenizer

/// A text to measure a model on: tokens in shards or in memory.
public struct EvaluationText: Sendable {
  /// The name under which results are reported.
  public let name: String
  /// The number of tokens, the first included, which is never predicted.
  public let tokenCount: Int
  /// Whether this is the part of a prepared text that models are trained on, because it has no other.
  public let isTrainingPart: Bool

  /// The token that begins a document, if known.
  public let separator: Int32?

  /// The bytes of text that tokens stand for, if it is known what the tokens are.
  let byteCounts: TokenByteCounts?

  private let source: Source

  private enum Source: Sendable {
    case shards([TokenShard])
    case tokens([Int32])
  }

  /// The tokens of `shards`, at most `limit` of them (0: all). `tokenizer` made them; without it there are no
  /// bits per byte.
  public init(name: String, shards: [TokenShard], tokenizer: Tokenizer?, limit: Int = 0) {
    self.init(name: name, shards: shards, tokenizer: tokenizer, limit: limit, isTrainingPart: false)
  }

  /// The validation part of `text`, or if there is none its training part; at most `limit` tokens of it (0:
  /// all).
  public init(name: String, text: PreparedCorpus, limit: Int = 0) {
    self.init(
      name: name, shards: (text.validation ?? text.training).shards, tokenizer: text.tokenizer, limit: limit,
      isTrainingPart: text.validation == nil)
  }

  /// Tokens in memory. `tokenizer` made them; without it there are no bits per byte.
  public init(name: String, tokens: [Int32], tokenizer: Tokenizer?) {
    self.name = name
    byteCounts = tokenizer.map(TokenByteCounts.init)
    separator = tokenizer?.endOfText
    isTrainingPart = false
    tokenCount = tokens.count
    source = .tokens(tokens)
  }

  private init(name: String, shards: [TokenShard], tokenizer: Tokenizer?, limit: Int, isTrainingPart: Bool) {
    self.name = name
    byteCounts = tokenizer.map(TokenByteCounts.init)
    separator = tokenizer?.endOfText
    self.isTrainingPart = isTrainingPart
    let total = shards.reduce(0) { $0 + $1.tokenCount }
    tokenCount = limit > 0 ? min(limit, total) : total
    source = .shards(shards)
  }

  /// - Throws: ``InputError`` if there is nothing to predict.
  package func checkLength() throws {
    guard tokenCount >= 2 else {
      throw InputError("\(name) has \(tokenCount) tokens; evaluation needs at least 2")
    }
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
