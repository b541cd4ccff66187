import CastleAttention
import CastleCluster
import CastleOperations
import CastleTensors

/// Attention whose heads are split over ranks: each has all tokens of some KV heads and of the query heads
/// that share them (Jacobs et al., "DeepSpeed Ulysses", 2023).
///
/// A rank owns neighboring tokens of a batch. It sends their projections to the ranks of the heads, and gets
/// the outputs back; the backward pass does the same with the gradients. A head is computed as one process
/// computes it.
final class HeadExchange: AttentionExchange {
  let places: TokenPositions
  let sharing = TokenSharing.heads

  private let backend: any Backend
  private let transfer: RowTransfer
  /// What is sent to the heads, or comes from them.
  private let memory: TransferMemory
  private let split: HeadSplit
  private let world: World
  /// The layers as if the model had this rank's heads alone.
  private let layers: [DecoderLayer]
  /// What attention of all tokens reads and leaves, for this rank's heads.
  private let activations: [LayerActivations]
  private let workspace: GradientWorkspace
  /// Zeros, which come before the first token of each document, if keys and values are shifted.
  private var previous: Matrix?
  private var documents = Documents(length: 0)

  /// The memory for batches of `capacity` tokens, whose documents have at most `longest`. Each layer has its
  /// own if `keepsLayers`, otherwise all share it.
  init(
    _ model: LanguageModel, capacity: Int, longest: Int, keepsLayers: Bool, communicator: any Communicator
  ) {
    let backend = model.backend
    world = communicator.world
    split = HeadSplit(model.configuration, world: world)
    var configuration = model.configuration
    configuration.heads = split.layout(of: world.rank)
    let own = configuration
    layers = model.parameters.layers.enumerated().map { index, weights in
      DecoderLayer(
        backend: backend, configuration: own, weights: weights, mechanism: own.mechanism(ofLayer: index))
    }
    func headMemory() -> LayerActivations {
      LayerActivations(own, tokenCount: capacity, backend: backend, leavingOut: Self.omittedOfHeads)
    }
    let first = headMemory()
    activations = [first] + layers.dropFirst().map { _ in keepsLayers ? headMemory() : first }
    workspace = GradientWorkspace(
      own, tokenCount: capacity, backend: backend, leavingOut: [.stream, .normed, .hidden])
    transfer = RowTransfer(communicator: communicator, backend: backend)
    memory = TransferMemory(
      world.largestShare(of: capacity) * model.configuration.projectionWidth, backend: backend)
    places = TokenPositions(model, capacity: capacity, longest: longest)
    self.backend = backend
  }

  /// The memory on the rank of `ranks` that needs the most, in numbers, without positions.
  static func count(
    _ configuration: ModelConfiguration, capacity: Int, keepsLayers: Bool, ranks: World
  ) -> Double {
    let own = HeadSplit.largest(configuration, ranks: ranks)
    let layer = LayerActivations.countPerToken(own, LayerActivation.ofAttention)
    let layers = keepsLayers ? configuration.layerCount : 1
    let gradients = GradientWorkspace.countPerToken(own, [.projections, .attended])
    return Double(capacity) * Double(layers * layer + gradients)
      + Double(ranks.largestShare(of: capacity)) * Double(configuration.projectionWidth)
  }

  private static let omittedOfHeads = LayerActivation.allCases.filter {
    !LayerActivation.ofAttention.contains($0)
  }

  func ownTokens(of documents: Documents) -> [Range<Int>] { [world.share(of: documents.length)] }

  func begin(_ documents: Documents) {
    self.documents = documents
    places.load(documents) { _ in 0 }
  }

  func attend(layer index: Int, _ activations: LayerActivations) throws {
    let (layer, heads) = (layers[index], self.activations[index].first(documents.length))
    try toHeads(activations[.projections], split.projectionColumns, into: heads[.projections])
    shift(layer, heads)
    layer.rotate(heads[.projections], positions: places.rotary, inverse: false)
    layer.attend(heads, documents: documents)
    try toTokens(heads[.attended], split.outputColumns, into: activations[.attended])
  }

  func backward(
    layer index: Int, _ activations: LayerActivations, parameters: ArenaParameters.Layer,
    gradients: ArenaParameters.Layer, workspace: GradientWorkspace
  ) throws {
    let (layer, heads) = (layers[index], self.activations[index].first(documents.length))
    let own = self.workspace.first(documents.length)
    try toHeads(workspace[.attended], split.outputColumns, into: own[.attended])
    layer.backwardScores(heads, positions: places.rotary, documents: documents, workspace: own)
    shiftBackward(layer, heads, parameters: parameters, gradients: gradients, workspace: own)
    try toTokens(own[.projections], split.projectionColumns, into: workspace[.projections])
  }

  // MARK: Key/value shift

  /// The columns of keys or values among the projections, or side by side, and those of their heads among the
  /// weights.
  private func shifted(_ layer: DecoderLayer) -> [(columns: Range<Int>, heads: Range<Int>)] {
    let (width, share) = (layer.configuration.kvWidth, split.shares[world.rank])
    return [
      (0..<width, share),
      (width..<2 * width, split.kvHeads + share.lowerBound..<split.kvHeads + share.upperBound),
    ]
  }

  private func shift(_ layer: DecoderLayer, _ heads: LayerActivations) {
    guard let weights = layer.weights.shift else { return }
    let mixed = heads[.projections].columns(layer.configuration.keyAndValueColumns)
    let previous = previousRows(documents.ranges.count, columnCount: mixed.columnCount)
    backend.copy(mixed, to: heads[.unshifted])
    for part in shifted(layer) {
      backend.shift(
        heads[.unshifted].columns(part.columns), weights: weights.columns(part.heads), documents: documents,
        previous: previous.columns(part.columns), into: mixed.columns(part.columns))
    }
  }

  private func shiftBackward(
    _ layer: DecoderLayer, _ heads: LayerActivations, parameters: ArenaParameters.Layer,
    gradients: ArenaParameters.Layer, workspace: GradientWorkspace
  ) {
    guard let weights = parameters.shift, let dWeights = gradients.shift else { return }
    let mixed = workspace[.projections].columns(layer.configuration.keyAndValueColumns)
    for part in shifted(layer) {
      backend.shiftBackward(
        mixed.columns(part.columns), x: heads[.unshifted].columns(part.columns),
        weights: weights.columns(part.heads), documents: documents, dWeights: dWeights.columns(part.heads))
    }
  }

  private func previousRows(_ count: Int, columnCount: Int) -> Matrix {
    if let previous, previous.rowCount >= count { return previous.rows(0..<count) }
    let rows = backend.allocate(Float.self, rowCount: count, columnCount: columnCount)
    backend.fill(rows, with: 0)
    previous = rows
    return rows
  }

  // MARK: Exchange

  /// Sends the columns of each rank's heads of this rank's tokens, and receives all tokens of its own heads.
  private func toHeads(
    _ tokens: Matrix, _ columns: (_ rank: Int) -> [Range<Int>], into heads: Matrix
  ) throws {
    let parts = parts(tokens, columns)
    for (rank, part) in parts.enumerated() {
      forEachPiece(of: part, tokens, columns(rank)) { backend.copy($1, to: $0) }
    }
    try transfer.exchange(parts, into: world.shares(of: documents.length).map(heads.rows))
  }

  /// Sends each rank its tokens of this rank's heads, and receives its own of all heads.
  private func toTokens(
    _ heads: Matrix, _ columns: (_ rank: Int) -> [Range<Int>], into tokens: Matrix
  ) throws {
    let parts = parts(tokens, columns)
    try transfer.exchange(world.shares(of: documents.length).map(heads.rows), into: parts)
    for (rank, part) in parts.enumerated() {
      forEachPiece(of: part, tokens, columns(rank)) { backend.copy($0, to: $1) }
    }
  }

  /// Memory for the columns of each rank's heads of `tokens`.
  private func parts(_ tokens: Matrix, _ columns: (_ rank: Int) -> [Range<Int>]) -> [Matrix] {
    memory.parts((0..<world.size).map { (tokens.rowCount, HeadSplit.width(columns($0))) })
  }

  /// Calls `body` with the columns of `part`, which lie side by side, and those of `tokens` that they are.
  private func forEachPiece(
    of part: Matrix, _ tokens: Matrix, _ columns: [Range<Int>],
    _ body: (_ piece: Matrix, _ own: Matrix) -> Void
  ) {
    var start = 0
    for range in columns {
      body(part.columns(start..<start + range.count), tokens.columns(range))
      start += range.count
    }
  }
}
