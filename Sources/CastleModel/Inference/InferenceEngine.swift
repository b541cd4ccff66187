import CastleAttention
import CastleFormats
import CastleOperations
import CastleTensors

/// Advances any number of sequences by any number of tokens each, through one workspace.
///
/// Appending n tokens costs the same products as a forward pass over them; nothing of the earlier tokens is computed again.
///
/// ```swift
/// let engine = InferenceEngine(model)
/// let sequence = try engine.makeSequence(capacity: 256)
/// var logits = try engine.advance(sequence, by: prompt)
/// logits = try engine.advance(sequence, by: [nextToken])
/// ```
///
/// **What a sequence gets does not depend on the others**, not even in the last bit: long pieces go through the layers alone, and
/// short ones share a pass only up to the backend's ``Backend/independentRows``. It depends on how the tokens of the
/// sequence itself are cut into calls: a token by itself and the same among many are rounded differently.
public final class InferenceEngine {
  /// Which logits are wanted. The output head is a large part of a small model; what is not wanted is not computed.
  public enum LogitsRequest: Sendable {
    /// None, as of a prompt that is only to be remembered.
    case none
    /// Those after the last token.
    case last
    /// Those after each token.
    case all
  }

  /// What one sequence is to read.
  public struct Advance {
    /// The sequence.
    public var sequence: SequenceState
    /// Its next tokens.
    public var tokens: [Int32]
    /// Which logits are wanted.
    public var logits: LogitsRequest

    /// Bundles the parts.
    public init(_ sequence: SequenceState, by tokens: [Int32], logits: LogitsRequest = .last) {
      self.sequence = sequence
      self.tokens = tokens
      self.logits = logits
    }
  }

  /// The model that reads.
  public let model: LanguageModel
  /// The most tokens that go through the layers at a time. Longer inputs are cut where the position is a multiple of it.
  public let chunkSize: Int

  private let forward: ForwardPass
  private let rowIDs: IndexMatrix
  private let gathered: Matrix
  /// For as many rows as sequences share a pass, and for a chunk of which all logits are wanted.
  private let smallHead: OutputHead
  private lazy var largeHead = OutputHead(model, tokenCount: chunkSize)

  /// The rows of ``smallHead``.
  private static let smallHeadRows = 8

  /// An engine without sequences. Traps if `chunkSize` is not positive.
  public init(_ model: LanguageModel, chunkSize: Int = 512) {
    precondition(chunkSize > 0, "chunks of \(chunkSize) tokens")
    self.model = model
    self.chunkSize = min(chunkSize, model.configuration.maximumLength)
    let backend = model.backend
    forward = ForwardPass(model, capacity: self.chunkSize, retention: .none)
    rowIDs = backend.allocate(Int32.self, rowCount: 1, columnCount: self.chunkSize)
    gathered = backend.allocate(
      Float.self, rowCount: self.chunkSize, columnCount: model.configuration.hiddenSize)
    smallHead = OutputHead(model, tokenCount: min(self.chunkSize, Self.smallHeadRows))
  }

  /// An empty sequence with room for `capacity` tokens; their memory is taken as they come.
  ///
  /// Throws an `InputError` if `capacity` is more than the model's largest length. Traps if it is not positive.
  public func makeSequence(capacity: Int) throws -> SequenceState {
    precondition(capacity > 0, "a sequence of \(capacity) tokens")
    try model.check(length: capacity)
    let configuration = model.configuration
    return SequenceState(
      model, capacity: capacity,
      caches: (0..<configuration.layerCount).map { _ in
        model.backend.makeAttentionCache(
          configuration.heads, mechanism: configuration.mechanism, capacity: capacity)
      }, shift: ShiftMemory(configuration, backend: model.backend))
  }

  /// Lets one sequence read `tokens` and returns the logits that are wanted, a row of V numbers for each.
  ///
  /// Errors are those of ``advance(_:isCancelled:)``.
  public func advance(
    _ sequence: SequenceState, by tokens: [Int32], logits: LogitsRequest = .last,
    isCancelled: () -> Bool = { false }
  ) throws -> [Float] {
    try advance([Advance(sequence, by: tokens, logits: logits)], isCancelled: isCancelled)[0]
  }

  /// Lets each sequence read its tokens and returns the logits that are wanted, for each sequence a row of V numbers for
  /// each of them.
  ///
  /// - Parameter isCancelled: Asked before each pass through the layers; true ends the work.
  /// - Throws: An `InputError`, which leaves all sequences as they were, if one has no tokens to read or no room for them, or
  ///   an id is outside the vocabulary; `CancellationError` after `isCancelled` said yes: the sequences then have the
  ///   tokens that had been read. Traps if a sequence occurs twice or is of another model.
  public func advance(
    _ advances: [Advance], isCancelled: () -> Bool = { false }
  ) throws -> [[Float]] {
    for advance in advances { try check(advance) }
    precondition(
      Set(advances.map { ObjectIdentifier($0.sequence) }).count == advances.count,
      "a sequence cannot advance twice in one call")
    var logits: [[Float]] = advances.map { advance in
      var rows: [Float] = []
      if case .all = advance.logits {
        rows.reserveCapacity(advance.tokens.count * model.configuration.vocabularySize)
      }
      return rows
    }
    for pass in passes(advances) {
      guard !isCancelled() else { throw CancellationError() }
      let documents = run(pass, of: advances)
      let wanted = wantedRows(pass, of: advances, documents: documents)
      if !wanted.rows.isEmpty { readLogits(wanted, into: &logits) }
    }
    return logits
  }

  private func check(_ advance: Advance) throws {
    let (sequence, tokens) = (advance.sequence, advance.tokens)
    precondition(sequence.model === model, "a sequence of another model")
    guard !tokens.isEmpty else { throw InputError("no token ids are given, at least one is needed") }
    try model.check(tokens: tokens)
    guard tokens.count <= sequence.capacity - sequence.length else {
      throw InputError(
        "\(sequence.length + tokens.count) tokens are more than the sequence has room for,"
          + " \(sequence.capacity)")
    }
  }

  // MARK: Passes

  /// Tokens of one sequence that go through the layers in one pass.
  private struct Piece {
    /// Whose.
    let index: Int
    let tokens: Range<Int>
  }

  /// Which pieces go through the layers together. A piece follows from its sequence alone.
  private func passes(_ advances: [Advance]) -> [[Piece]] {
    let pieces = advances.indices.map { self.pieces(of: advances[$0], index: $0) }
    let most = min(chunkSize, model.backend.independentRows)
    var passes: [[Piece]] = []
    for round in 0..<(pieces.map(\.count).max() ?? 0) {
      var shared: [Piece] = []
      var room = most
      for piece in pieces.compactMap({ round < $0.count ? $0[round] : nil }) {
        guard piece.tokens.count <= most else {
          passes.append([piece])
          continue
        }
        if piece.tokens.count > room {
          passes.append(shared)
          (shared, room) = ([], most)
        }
        shared.append(piece)
        room -= piece.tokens.count
      }
      if !shared.isEmpty { passes.append(shared) }
    }
    return passes
  }

  private func pieces(of advance: Advance, index: Int) -> [Piece] {
    let (length, count) = (advance.sequence.length, advance.tokens.count)
    var pieces: [Piece] = []
    var start = 0
    while start < count {
      let end = min(start + chunkSize - (length + start) % chunkSize, count)
      pieces.append(Piece(index: index, tokens: start..<end))
      start = end
    }
    return pieces
  }

  /// Sends a pass through the layers. The result says where its pieces lie.
  private func run(_ pass: [Piece], of advances: [Advance]) -> Documents {
    var ranges: [Range<Int>] = []
    var tokens: [Int32] = []
    for piece in pass {
      ranges.append(tokens.count..<tokens.count + piece.tokens.count)
      tokens += advances[piece.index].tokens[piece.tokens]
    }
    let documents = Documents(ranges)
    forward.run(tokens, documents: documents, appendingTo: pass.map { advances[$0.index].sequence })
    return documents
  }

  // MARK: Logits

  /// The rows of a pass whose logits are wanted, and whose they are.
  private func wantedRows(
    _ pass: [Piece], of advances: [Advance], documents: Documents
  ) -> (rows: [Int], owners: [Int]) {
    var wanted: (rows: [Int], owners: [Int]) = ([], [])
    for (piece, document) in zip(pass, documents.ranges) {
      let advance = advances[piece.index]
      let rows: Range<Int> =
        switch advance.logits {
        case .none: document.upperBound..<document.upperBound
        case .last where piece.tokens.upperBound < advance.tokens.count:
          document.upperBound..<document.upperBound
        case .last: document.upperBound - 1..<document.upperBound
        case .all: document
        }
      wanted.rows += rows
      wanted.owners += repeatElement(piece.index, count: rows.count)
    }
    return wanted
  }

  /// Appends the logits of rows to those of their owners.
  private func readLogits(_ wanted: (rows: [Int], owners: [Int]), into logits: inout [[Float]]) {
    let width = model.configuration.vocabularySize
    let head = wanted.rows.count <= Self.smallHeadRows ? smallHead : largeHead
    head.forEachChunk(of: normedRows(wanted.rows)) { chunk, rows in
      for row in rows {
        logits[wanted.owners[row]] += [Float](unsafeUninitializedCapacity: width) { buffer, initialised in
          let target = UnsafeMutableBufferPointer(rebasing: buffer[..<width])
          model.backend.download(
            chunk.rows(row - rows.lowerBound..<row - rows.lowerBound + 1), to: target)
          initialised = width
        }
      }
    }
  }

  /// The given rows of the decoder's output, in increasing order, below each other.
  private func normedRows(_ rows: [Int]) -> Matrix {
    let (first, last) = (rows[0], rows[rows.count - 1])
    if last - first + 1 == rows.count { return forward.normed.rows(first..<last + 1) }
    let indices = rowIDs.columns(0..<rows.count)
    rows.map { Int32(truncatingIfNeeded: $0) }.withUnsafeBufferPointer {
      model.backend.upload($0, to: indices)
    }
    let target = gathered.rows(0..<rows.count)
    model.backend.embed(indices, table: .float32(forward.normed), into: target)
    return target
  }
}
