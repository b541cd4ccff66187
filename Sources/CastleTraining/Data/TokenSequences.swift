public import CastleCorpus
import CastleFormats

/// The tokens of some shards, cut into sequences of equal length.
///
/// Sequence s of a shard holds `length` tokens from place s · `length` on, and their successors as targets.
/// The sequences of all shards are numbered through. Tokens at the end of a shard that fill no sequence are
/// left out.
public final class TokenSequences: Sendable {
  /// The shards, in order.
  public let shards: [TokenShard]
  /// The number of tokens of a sequence.
  public let length: Int
  /// The number of sequences.
  public let count: Int

  /// The number of the first sequence of each shard.
  private let firsts: [Int]

  /// Sequences of `length` tokens from `shards`.
  ///
  /// - Throws: ``InputError`` if there is not a single one.
  public init(shards: [TokenShard], length: Int) throws {
    precondition(length > 0)
    self.shards = shards
    self.length = length
    var total = 0
    firsts = shards.map { shard in
      defer { total += max(0, shard.tokenCount - 1) / length }
      return total
    }
    count = total
    guard count > 0 else {
      let tokens = shards.reduce(0) { $0 + $1.tokenCount }
      guard tokens <= length else {
        let longest = shards.map(\.tokenCount).max() ?? 0
        throw InputError(
          subject: "the text",
          problem: "has \(tokens) tokens, but its longest shard has \(longest), "
            + "too few for a sequence of \(length) and its successor",
          remedy: "prepare it again with more tokens in a shard, or set training.sequence-length lower")
      }
      throw InputError(
        subject: "the text",
        problem: "has \(tokens) tokens, too few for a sequence of \(length) and its successor",
        remedy: "set training.sequence-length lower or prepare more text")
    }
  }

  /// Copies the tokens of sequence `number` and, one place on, their successors.
  ///
  /// - Throws: ``TextChanged`` if the shard has been changed since it was opened.
  public func copy(
    _ number: Int, tokens: UnsafeMutablePointer<Int32>, targets: UnsafeMutablePointer<Int32>
  ) throws {
    precondition(number >= 0 && number < count)
    let index = firsts.lastIndex { $0 <= number }!
    try shards[index].checkUnchanged()
    let start = (number - firsts[index]) * length
    shards[index].copyTokens(start..<start + length, to: tokens)
    shards[index].copyTokens(start + 1..<start + length + 1, to: targets)
  }
}
