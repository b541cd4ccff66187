/// How much a ``ServingEngine`` may take on.
public struct ServingSettings: Sendable, Hashable {
  /// The memory for the caches of all sequences that run.
  public enum CacheMemory: Sendable, Hashable {
    /// So many bytes.
    case bytes(Int)
    /// As much as so many sequences of the model's full length take.
    case sequences(Int)
  }

  /// The memory for the caches of all sequences that run. The store of prefixes comes on top.
  public var cacheMemory: CacheMemory
  /// The most sequences that run at once, whatever the memory.
  public var sequenceLimit: Int
  /// The tokens of prompts that one step reads at most, next to one token of each sequence that decodes. One
  /// chunk of a prompt is read in any case.
  public var stepTokens: Int
  /// Prompts are read in chunks that begin at multiples of this position. It decides where prefixes can be
  /// shared and how sums are rounded, so two engines give the same bits only if it is the same.
  public var chunkSize: Int
  /// The most requests that wait.
  public var queueLength: Int
  /// The memory of the store of prefixes, in bytes; 0 for none.
  public var prefixBytes: Int

  /// Bundles the numbers.
  public init(
    cacheMemory: CacheMemory = .sequences(16), sequenceLimit: Int = 64, stepTokens: Int = 256,
    chunkSize: Int = 128, queueLength: Int = 256, prefixBytes: Int = 256 << 20
  ) {
    self.cacheMemory = cacheMemory
    self.sequenceLimit = sequenceLimit
    self.stepTokens = stepTokens
    self.chunkSize = chunkSize
    self.queueLength = queueLength
    self.prefixBytes = prefixBytes
  }
}
