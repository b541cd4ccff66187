public import CastleCorpus
import CastleFormats

/// Equal windows on the tokens of some shards.
///
/// Window w of a shard holds `length` tokens from place w · `length` on, and their successors as targets. The windows
/// of all shards are numbered through. Tokens at the end of a shard that fill no window are left out.
public final class TokenWindows: Sendable {
  /// The shards, in order.
  public let shards: [TokenShard]
  /// The number of tokens of a window.
  public let length: Int
  /// The number of windows.
  public let count: Int

  private let firstWindows: [Int]

  /// Windows of `length` tokens on `shards`.
  ///
  /// - Throws: ``InputError`` if there is not a single window.
  public init(shards: [TokenShard], length: Int) throws {
    precondition(length > 0)
    self.shards = shards
    self.length = length
    var total = 0
    firstWindows = shards.map { shard in
      defer { total += max(0, shard.tokenCount - 1) / length }
      return total
    }
    count = total
    guard count > 0 else {
      let tokens = shards.reduce(0) { $0 + $1.tokenCount }
      throw InputError(
        "the text has \(tokens) tokens, too few for a window of \(length) and its successor; "
          + "set training.sequence-length lower or prepare more text")
    }
  }

  /// Copies the tokens of a window and, one place on, their successors.
  ///
  /// - Throws: ``TextChanged`` if the shard has been changed since it was opened.
  public func copy(
    window: Int, tokens: UnsafeMutablePointer<Int32>, targets: UnsafeMutablePointer<Int32>
  ) throws {
    precondition(window >= 0 && window < count)
    let index = firstWindows.lastIndex { $0 <= window }!
    try shards[index].checkUnchanged()
    let start = (window - firstWindows[index]) * length
    shards[index].copyTokens(start..<start + length, to: tokens)
    shards[index].copyTokens(start + 1..<start + length + 1, to: targets)
  }
}
