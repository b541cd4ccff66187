import CastleAttention
import CastleFormats
import CastleOperations
import CastleTensors

/// Advances any number of sequences by any number of tokens each, through one workspace.
///
/// Appending n tokens costs the same products as a forward pass over them; nothing of the earlier tokens is
/// computed again.
///
/// ```swift
/// let engine = InferenceEngine(model)
/// let sequence = try engine.makeSequence(capacity: 256)
/// var logits = try engine.advance(sequence, by: prompt)
/// logits = try engine.advance(sequence, by: [nextToken])
/// ```
///
/// **What a sequence gets does not depend on the others**, not even in the last bit: long pieces go through
/// the layers alone, and short ones share a pass only up to the backend's ``Backend/independentRows(of:)``.
/// It depends on how the tokens of the sequence itself are cut into calls: a token by itself and the same
/// among many are rounded differently. The logits after the last token of a call are the same whether they
/// are asked for alone or with all others.
public final class InferenceEngine {
  /// Which logits are wanted. The output head is a large part of a small model; what is not wanted is not
  /// computed.
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
  /// The most tokens that go through the layers at a time. Longer inputs are cut where the position is a
  /// multiple of it.
  public let chunkSize: Int

  private let forward: ForwardPass
  private let rowIDs: IndexMatrix
  private let gathered: Matrix
  /// The most rows that sequences share a pass with, and what reads their logits.
  private let sharedRows: Int
  private let smallHead: OutputHead
  /// For a chunk of which all logits are wanted.
  private lazy var largeHead = OutputHead(model, tokenCount: chunkSize)
  /// The logits of one row on the host.
  private lazy var hostLogits = [Float](repeating: 0, count: model.configuration.vocabularySize)

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
    sharedRows = min(self.chunkSize, model.independentRows)
    smallHead = OutputHead(model, tokenCount: sharedRows)
  }

  /// An empty sequence with room for `capacity` tokens; their memory is taken as they come.
  ///
  /// Traps if it is not positive.
  ///
  /// - Throws: ``InputError`` if `capacity` is more than the model's largest length.
  public func makeSequence(capacity: Int) throws -> SequenceState {
    precondition(capacity > 0, "a sequence of \(capacity) tokens")
    try model.check(length: capacity)
    let configuration = model.configuration
    return SequenceState(
      model, capacity: capacity,
      caches: (0..<configuration.layerCount).map { layer in
        model.backend.makeAttentionCache(
          configuration.heads, mechanism: configuration.mechanism(ofLayer: layer), capacity: capacity)
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

  /// Lets each sequence read its tokens and returns the logits that are wanted, for each sequence a row of V
  /// numbers for each of them.
  ///
  /// - Parameter isCancelled: Asked before each pass through the layers; true ends the work.
  /// - Throws: An `InputError`, which leaves all sequences as they were, if one has no tokens to read or no
  ///   room for them, or an id is outside the vocabulary; `CancellationError` after `isCancelled` said yes:
  ///   the sequences then have the tokens that had been read. Traps if a sequence occurs twice or is of
  ///   another model.
  public func advance(
    _ advances: [Advance], isCancelled: () -> Bool = { false }
  ) throws -> [[Float]] {
    var logits: [[Float]] = advances.map { advance in
      var rows: [Float] = []
      if case .all = advance.logits {
        rows.reserveCapacity(advance.tokens.count * model.configuration.vocabularySize)
      }
      return rows
    }
    try advance(advances, isCancelled: isCancelled) { index, _, row in logits[index] += row }
    return logits
  }

  /// As ``advance(_:isCancelled:)``, but gives the logits row by row, those of one sequence in the order of
  /// its tokens.
  ///
  /// - Parameter body: Gets the index of an advance, the index of one of its tokens, and the V logits after
  ///   it, which are gone after the call. What it throws ends the work; the sequences then have the tokens
  ///   that had been read.
  package func advance(
    _ advances: [Advance], isCancelled: () -> Bool = { false },
    _ body: (_ advance: Int, _ token: Int, _ logits: UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    for advance in advances { try check(advance) }
    precondition(
      Set(advances.map { ObjectIdentifier($0.sequence) }).count == advances.count,
      "a sequence cannot advance twice in one call")
    for pass in passes(advances) {
      guard !isCancelled() else { throw CancellationError() }
      let documents = run(pass, of: advances)
      for rows in wantedRows(pass, of: advances, documents: documents) { try readLogits(rows, body) }
    }
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
    let most = sharedRows
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

  /// Sends a pass through the layers. The result says where its pieces are.
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

  /// A row of a pass whose logits are wanted.
  private struct WantedRow {
    let row: Int
    /// Whose they are, and after which of its tokens.
    let advance: Int
    let token: Int
  }

  /// The rows of a pass whose logits are wanted, in the groups that go through the head together: which ones
  /// follows from each sequence alone, as long as rows of a small group are independent.
  private func wantedRows(
    _ pass: [Piece], of advances: [Advance], documents: Documents
  ) -> [[WantedRow]] {
    var inner: [WantedRow] = []
    var last: [WantedRow] = []
    for (piece, document) in zip(pass, documents.ranges) {
      let advance = advances[piece.index]
      let end = advance.tokens.count - 1
      for (row, token) in zip(document, piece.tokens) {
        let wanted = WantedRow(row: row, advance: piece.index, token: token)
        switch advance.logits {
        case .none: break
        case .last: if token == end { last.append(wanted) }
        case .all: if token == end { last.append(wanted) } else { inner.append(wanted) }
        }
      }
    }
    return [inner, last].filter { !$0.isEmpty }
  }

  private func readLogits(
    _ wanted: [WantedRow],
    _ body: (_ advance: Int, _ token: Int, _ logits: UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    let head = wanted.count <= sharedRows ? smallHead : largeHead
    try head.forEachChunk(of: normedRows(wanted.map(\.row))) { chunk, rows in
      for row in rows {
        let place = row - rows.lowerBound
        try hostLogits.withUnsafeMutableBufferPointer { buffer in
          model.backend.download(chunk.rows(place..<place + 1), to: buffer)
          try body(wanted[row].advance, wanted[row].token, UnsafeBufferPointer(buffer))
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
