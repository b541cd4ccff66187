import CastleOperations

/// One sequence of tokens as a model remembers it: the caches of all layers. An ``InferenceEngine`` makes it
/// and lets it grow.
///
/// Like everything of a backend, a sequence and its forks are used by one thread of control.
public final class SequenceState {
  /// The model that reads the sequence.
  public let model: LanguageModel
  /// The most tokens of the sequence.
  public let capacity: Int
  /// The number of tokens so far.
  public internal(set) var length: Int

  /// The cache of each layer.
  let caches: [any AttentionCache]
  /// What the next token's keys and values are mixed with, if the model mixes them.
  let shift: ShiftMemory?

  /// A sequence in the state of `caches` and `shift`.
  init(
    _ model: LanguageModel, capacity: Int, length: Int = 0, caches: [any AttentionCache], shift: ShiftMemory?
  ) {
    self.model = model
    self.capacity = capacity
    self.length = length
    self.caches = caches
    self.shift = shift
  }

  /// A copy of the sequence, with its snapshots, that goes its own way. It shares the cached numbers that
  /// later tokens do not change.
  public func fork() -> SequenceState {
    SequenceState(
      model, capacity: capacity, length: length, caches: caches.map { $0.fork() }, shift: shift?.fork())
  }

  /// Remembers the present state, so that ``truncate(to:)`` can come back to it.
  ///
  /// A snapshot takes no time. The tokens that come next copy what they change: the lookahead keys that the
  /// window reaches, which for full lookahead are those of all tokens, about a quarter of the cache.
  public func snapshot() {
    for cache in caches { cache.snapshot() }
    shift?.snapshot()
  }

  /// Forgets all snapshots and gives back their memory.
  public func discardSnapshots() {
    for cache in caches { cache.discardSnapshots() }
    shift?.discardSnapshots()
  }

  /// Whether ``truncate(to:)`` can go to `length`: if a ``snapshot()`` was taken there, it is the present
  /// length or 0, or the model has no lookahead keys to restore, does not mix keys and values with those
  /// before, and there are as many tokens.
  public func canTruncate(to length: Int) -> Bool {
    caches.allSatisfy { $0.canTruncate(to: length) } && shift?.canTruncate(to: length) != false
  }

  /// Drops the tokens from `length` on. Traps if ``canTruncate(to:)`` says no.
  public func truncate(to length: Int) {
    for cache in caches { cache.truncate(to: length) }
    shift?.truncate(to: length)
    self.length = length
  }

  /// The memory that the caches of all layers take for the tokens so far and the snapshots, in bytes.
  public var byteCount: Int { caches.reduce(shift?.byteCount ?? 0) { $0 + $1.byteCount } }
}
