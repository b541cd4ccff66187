import CastleFormats
import CastleOperations
import CastleTensors

/// One sequence that grows token by token, with the caches of all layers.
///
/// Appending n tokens costs the same products as a forward pass over them; nothing of the earlier tokens is
/// computed again.
///
/// ```swift
/// let session = try DecodingSession(model, capacity: 256)
/// var logits = try session.append(prompt)
/// logits = try session.append([nextToken])
/// ```
public final class DecodingSession {
  /// The model that reads the sequence.
  public let model: LanguageModel
  /// The most tokens of the sequence.
  public let capacity: Int
  /// The number of tokens so far.
  public private(set) var length = 0

  private let caches: [any AttentionCache]
  private let layers: [DecoderLayer]
  private let workspace: DecodingWorkspace

  /// An empty sequence with room for `capacity` tokens.
  ///
  /// Throws an `InputError` if `capacity` is more than the model's largest length. Traps if it is not positive.
  public convenience init(_ model: LanguageModel, capacity: Int) throws {
    precondition(capacity > 0)
    try model.check(length: capacity)
    let layers = DecoderLayer.all(of: model, longest: capacity)
    let caches = layers.map { _ in
      model.backend.makeAttentionCache(
        model.configuration.heads, mechanism: model.configuration.mechanism, capacity: capacity)
    }
    self.init(model, capacity: capacity, length: 0, caches: caches, layers: layers)
  }

  private init(
    _ model: LanguageModel, capacity: Int, length: Int, caches: [any AttentionCache],
    layers: [DecoderLayer]
  ) {
    self.model = model
    self.capacity = capacity
    self.length = length
    self.caches = caches
    self.layers = layers
    workspace = DecodingWorkspace(model, capacity: min(capacity, Self.chunkSize))
  }

  /// Appends `tokens` and returns the logits after the last of them, V numbers.
  ///
  /// Throws an `InputError`, and leaves the sequence as it was, if there are no tokens, an id is outside the
  /// vocabulary, or there is no room.
  public func append(_ tokens: [Int32]) throws -> [Float] {
    try check(tokens)
    let width = model.configuration.vocabularySize
    return [Float](unsafeUninitializedCapacity: width) { buffer, initialised in
      forEachChunk(of: tokens) { normed, rows in
        guard rows.upperBound == tokens.count else { return }
        let logits = workspace.logits(normed.rows(rows.count - 1..<rows.count))
        model.backend.download(logits, to: UnsafeMutableBufferPointer(rebasing: buffer[..<width]))
      }
      initialised = width
    }
  }

  /// Appends `tokens` and returns the logits after each of them, a row of V numbers for each token.
  ///
  /// Errors are those of ``append(_:)``.
  public func appendReturningAllLogits(_ tokens: [Int32]) throws -> [Float] {
    try check(tokens)
    let width = model.configuration.vocabularySize
    let head = OutputHead(model, tokenCount: min(tokens.count, workspace.capacity))
    return [Float](unsafeUninitializedCapacity: tokens.count * width) { buffer, initialised in
      forEachChunk(of: tokens) { normed, rows in
        head.forEachChunk(of: normed) { logits, part in
          let start = (rows.lowerBound + part.lowerBound) * width
          let target = buffer[start..<start + logits.count]
          model.backend.download(logits, to: UnsafeMutableBufferPointer(rebasing: target))
        }
      }
      initialised = tokens.count * width
    }
  }

  /// A copy of the sequence, with its snapshots, that goes its own way. It shares the cached numbers that later tokens do
  /// not change.
  public func fork() -> DecodingSession {
    DecodingSession(
      model, capacity: capacity, length: length, caches: caches.map { $0.fork() }, layers: layers)
  }

  /// Remembers the present state, so that ``truncate(to:)`` can come back to it.
  ///
  /// A snapshot takes no time. The tokens that come next copy what they change: the lookahead keys that the window reaches,
  /// which for full lookahead are those of all tokens, about a quarter of the cache.
  public func snapshot() {
    for cache in caches { cache.snapshot() }
  }

  /// Forgets all snapshots and gives back their memory.
  public func discardSnapshots() {
    for cache in caches { cache.discardSnapshots() }
  }

  /// Whether ``truncate(to:)`` can go to `length`: if a ``snapshot()`` was taken there, it is the present length or 0, or
  /// the model has no lookahead keys to restore and there are as many tokens.
  public func canTruncate(to length: Int) -> Bool {
    caches.allSatisfy { $0.canTruncate(to: length) }
  }

  /// Drops the tokens from `length` on. Traps if ``canTruncate(to:)`` says no.
  public func truncate(to length: Int) {
    for cache in caches { cache.truncate(to: length) }
    self.length = length
  }

  /// The memory that the caches of all layers take for the tokens so far and the snapshots, in bytes.
  public var cacheByteCount: Int { caches.reduce(0) { $0 + $1.byteCount } }

  /// The most tokens that go through the layers at a time.
  private static let chunkSize = 512

  private func check(_ tokens: [Int32]) throws {
    guard !tokens.isEmpty else { throw InputError("no token ids are given, at least one is needed") }
    try model.check(tokens: tokens)
    guard tokens.count <= capacity - length else {
      throw InputError(
        "\(length + tokens.count) tokens are more than the sequence has room for, \(capacity)")
    }
  }

  private func forEachChunk(of tokens: [Int32], _ body: (_ normed: Matrix, _ rows: Range<Int>) -> Void) {
    for start in stride(from: 0, to: tokens.count, by: workspace.capacity) {
      let rows = start..<min(start + workspace.capacity, tokens.count)
      let normed = workspace.run(tokens[rows], from: length, layers: layers, caches: caches)
      length += rows.count
      body(normed, rows)
    }
  }
}
