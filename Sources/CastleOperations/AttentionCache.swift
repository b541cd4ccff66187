/// What a layer remembers of a sequence: the UQ-KV cache, or the keys and values of ordinary attention.
public protocol AttentionCache: AnyObject {
  /// The number of tokens in the cache.
  var length: Int { get }

  /// The number of tokens that fit.
  var capacity: Int { get }

  /// The bytes that the tokens now in the cache take, and the snapshots. What several of them share counts
  /// once.
  var byteCount: Int { get }

  /// A copy that goes its own way, and shares with this cache what later tokens do not change. The two are
  /// used by one thread of control, as everything of a backend.
  func fork() -> any AttentionCache

  /// Remembers the state after the tokens now in the cache, so that ``truncate(to:)`` can come back to it,
  /// until ``discardSnapshots()`` or a truncation to fewer tokens.
  ///
  /// A snapshot takes no time. The tokens that come next copy what they change: the lookahead keys that the
  /// window reaches, which for full lookahead are those of all tokens.
  func snapshot()

  /// Forgets all snapshots and gives back their memory.
  func discardSnapshots()

  /// Whether ``truncate(to:)`` can go to `length`: if a snapshot was taken there, it is the present length or
  /// 0, or the mechanism has no lookahead keys to restore and there are as many tokens.
  func canTruncate(to length: Int) -> Bool

  /// Drops the tokens from `length` on. Traps if ``canTruncate(to:)`` says no.
  func truncate(to length: Int)
}
