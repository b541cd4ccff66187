public import CastleAttention
import CastleOperations
import CastleTensors

/// The log-probabilities that a model gives to tokens, for batches of up to a fixed size.
///
/// A forward pass alone: all layers use the same memory, which is planned when the pass is made. Documents of
/// any lengths are packed side by side, so that many short ones share each product.
///
/// ```swift
/// let pass = try ScoringPass(model, tokenCapacity: 2048, longest: 512)
/// let scores = try pass.score(
///   [5, 17, 3], documents: Documents(length: 3), queries: [TokenQuery(place: 2, token: 42)])
/// ```
public final class ScoringPass {
  /// The model that is asked.
  public let model: LanguageModel
  /// The most tokens of a batch.
  public let tokenCapacity: Int
  /// The most tokens of a document.
  public let longest: Int

  private let forward: ForwardPass
  private let head: OutputHead
  private let targetIDs: IndexMatrix
  private lazy var buffers = QueryBuffers(
    model, rowCount: OutputHead.chunkSize(model.configuration, tokenCount: tokenCapacity))

  /// Plans the memory for batches of `tokenCapacity` tokens whose documents have at most `longest`.
  ///
  /// Traps if it is more than `tokenCapacity` or not positive.
  ///
  /// - Throws: ``InputError`` if `longest` is more than the model allows.
  public init(_ model: LanguageModel, tokenCapacity: Int, longest: Int) throws {
    precondition(longest > 0 && longest <= tokenCapacity)
    try model.check(length: longest)
    self.model = model
    self.tokenCapacity = tokenCapacity
    self.longest = longest
    forward = ForwardPass(model, capacity: tokenCapacity, longest: longest, retention: .none)
    head = OutputHead(model, tokenCount: tokenCapacity)
    targetIDs = model.backend.allocate(Int32.self, rowCount: 1, columnCount: tokenCapacity)
  }

  /// A pass in the memory of a training pass, which must not be in the middle of a step.
  ///
  /// If ranks share the tokens of that pass, every rank makes the same calls. Losses are those of the rank's
  /// own tokens, see ``ownTokens(of:)``, and queries may only ask about these.
  public init(sharing pass: TrainingPass) {
    model = pass.model
    tokenCapacity = pass.tokenCapacity
    longest = pass.longest
    forward = pass.forward
    head = pass.head
    targetIDs = pass.targetIDs
  }

  /// The tokens of `documents` that this rank scores: all of them where it is the only one.
  package func ownTokens(of documents: Documents) -> [Range<Int>] { forward.ownTokens(of: documents) }

  /// The summed negative log-likelihood (natural logarithm) of `targets`, one for each of `tokens`.
  ///
  /// `targets[i]` is the id that should follow `tokens[i]`; −1 is left out. `documents` cut the tokens
  /// without gaps; none sees another, and each starts at position 0.
  ///
  /// Traps if there are more tokens than ``tokenCapacity``, a document is longer than ``longest``, or the
  /// counts differ.
  ///
  /// - Throws: ``InputError`` if an id is outside the vocabulary or a document is longer than the model
  ///   allows.
  public func loss(tokens: [Int32], targets: [Int32], documents: Documents) throws -> Double {
    precondition(targets.count == tokens.count && tokens.count <= tokenCapacity)
    try model.check(targets: targets)
    precondition(documents.length == tokens.count, "documents must cover all tokens")
    let matrix = targetIDs.load(targets.elements(in: ownTokens(of: documents)), on: model.backend)
    try forward.run(tokens, documents: documents)
    return head.loss(forward.normed, targets: matrix).value
  }

  /// The scores of `queries`, in their order. Only their rows go through the output head.
  ///
  /// With `alternatives`, each score also has that many most probable tokens.
  ///
  /// The other arguments and errors are those of ``loss(tokens:targets:documents:)``. Traps if a place is not
  /// one of `tokens`.
  public func score(
    _ tokens: [Int32], documents: Documents, queries: [TokenQuery], alternatives: Int = 0
  ) throws -> [TokenScore] {
    precondition(alternatives >= 0)
    let own = ownTokens(of: documents)
    let queries = queries.map { TokenQuery(place: Self.row(of: $0.place, in: own), token: $0.token) }
    try model.check(tokens: queries.map(\.token))
    try forward.run(tokens, documents: documents)
    var scores: [TokenScore] = []
    scores.reserveCapacity(queries.count)
    for start in stride(from: 0, to: queries.count, by: buffers.rowCount) {
      let part = queries[start..<min(start + buffers.rowCount, queries.count)]
      buffers.gather(part, from: forward.normed)
      head.forEachChunk(of: buffers.normed.rows(0..<part.count)) { logits, rows in
        let queries = part.dropFirst(rows.lowerBound).prefix(rows.count)
        scores += buffers.scores(of: queries, logits, rows: rows, alternatives: alternatives)
      }
    }
    return scores
  }

  /// The row that has the token at `place`, if those of `tokens` follow each other.
  private static func row(of place: Int, in tokens: [Range<Int>]) -> Int {
    var start = 0
    for range in tokens {
      if range.contains(place) { return start + place - range.lowerBound }
      start += range.count
    }
    preconditionFailure("a query about token \(place), which this pass does not have")
  }

  /// The memory that a pass of this size plans, in bytes, without the weights. At most `Int.max`.
  public static func byteCount(
    _ configuration: ModelConfiguration, tokenCapacity: Int, longest: Int
  ) -> Int {
    let indices = 3
    let perToken = LayerActivations.countPerToken(configuration) + configuration.hiddenSize + 1 + indices
    let chunk = OutputHead.chunkSize(configuration, tokenCount: tokenCapacity)
    let logits = chunk * (configuration.vocabularySize + configuration.hiddenSize + 4)
    let copied = QueryBuffers.copiedRows(configuration, rowCount: chunk) * configuration.vocabularySize
    let table = longest * configuration.heads.headSize
    // Exact below 2^53 bytes; beyond, what no machine has must still be a number.
    let count = Double(tokenCapacity) * Double(perToken) + Double(logits + copied + table)
    return Int(exactly: 4 * count) ?? .max
  }
}
