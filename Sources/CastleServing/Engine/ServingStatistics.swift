/// What a ``ServingEngine`` does now and has done so far.
public struct ServingStatistics: Sendable, Hashable {
  /// The requests that wait.
  public internal(set) var queued = 0
  /// The requests that run.
  public internal(set) var running = 0
  /// The requests that ended by themselves, since the start.
  public internal(set) var finishedRequests = 0
  /// The requests whose clients went away, since the start.
  public internal(set) var cancelledRequests = 0
  /// The steps since the start.
  public internal(set) var steps = 0
  /// The tokens that were generated since the start.
  public internal(set) var generatedTokens = 0
  /// The tokens of prompts that were read since the start.
  public internal(set) var promptTokens = 0
  /// The tokens of prompts that came from the store of prefixes since the start.
  public internal(set) var cachedTokens = 0
  /// The bytes of caches that are set aside for the requests that run.
  public internal(set) var reservedBytes = 0
  /// The bytes of caches that were planned for requests at the start.
  public internal(set) var plannedBytes = 0
  /// The bytes of caches that one sequence of the model's full length takes.
  public internal(set) var bytesPerSequence = 0
  /// The bytes that the store of prefixes holds.
  public internal(set) var prefixBytes = 0
  /// The most bytes that the store of prefixes may hold.
  public internal(set) var plannedPrefixBytes = 0
}
