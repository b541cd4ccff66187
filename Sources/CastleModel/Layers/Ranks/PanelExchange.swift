import CastleAttention
import CastleCluster
import CastleFormats
import CastleOperations
import CastleTensors

/// Attention whose keys are split over ranks: each has the keys of its own tokens, panels of every document,
/// and sees the queries of all. So there may be more ranks than heads.
///
/// A rank sends q^C, k^U and v^U of its tokens, gets those of all, and computes what all queries see of its
/// own keys, with the lookahead keys that never leave it. What the ranks have of a token's output they send
/// to who has the token, which puts it together. In the backward pass the gradients of q^C, k^U and v^U go
/// the same way, and all others stay. k^U and v^U go to ranks alone that have keys in whose window they are.
final class PanelExchange: AttentionExchange {
  let places: TokenPositions
  let sharing = TokenSharing.panels

  private let backend: any PanelBackend
  private let world: World
  private let configuration: ModelConfiguration
  private let layers: [DecoderLayer]
  private let exchange: RowExchange
  private let memory: PanelMemory
  /// The log-sum-exps of the scores of this rank's tokens, (tokens, query heads), of each layer.
  private let logSumExps: [Matrix]

  /// What depends on the documents of a batch.
  private struct Batch {
    var documents: Documents
    var shares: PanelShares
    var share: PanelShare
    /// How q^C and what belongs to it go.
    var queries: RowRoute
    /// How k^U and v^U go.
    var lookahead: RowRoute
  }
  private var batch: Batch

  /// The memory for batches of `capacity` tokens, whose documents have at most `longest`. Each layer has its
  /// own if `keepsLayers`, otherwise all share it.
  ///
  /// - Throws: ``InputError`` if the backend of `model` does not compute attention to some panels.
  init(
    _ model: LanguageModel, capacity: Int, longest: Int, keepsLayers: Bool, communicator: any Communicator
  ) throws {
    precondition(!model.configuration.shiftsKeysAndValues, "panels of shifted keys")
    guard let backend = model.backend as? any PanelBackend else {
      throw InputError(
        problem: "more ranks share a sequence than the model has KV heads, which \(model.backend.summary) "
          + "does not do",
        remedy: "let fewer ranks share a sequence")
    }
    self.backend = backend
    world = communicator.world
    configuration = model.configuration
    layers = DecoderLayer.all(of: model)
    let sizes = PanelSizes(configuration, capacity: capacity, ranks: world)
    memory = PanelMemory(sizes, backend: backend)
    exchange = RowExchange(
      transfer: RowTransfer(communicator: communicator, backend: backend),
      outgoing: TransferMemory(Int(sizes.transferCount), backend: backend),
      incoming: TransferMemory(Int(sizes.transferCount), backend: backend))
    let heads = configuration.heads.queryHeads
    func sums() -> Matrix {
      backend.allocate(Float.self, rowCount: sizes.ownCapacity, columnCount: heads)
    }
    let first = sums()
    logSumExps = [first] + layers.dropFirst().map { _ in keepsLayers ? sums() : first }
    places = TokenPositions(model, capacity: sizes.ownCapacity, longest: longest)
    batch = Self.batch(Documents(length: 0), configuration, world)
  }

  private static func batch(_ documents: Documents, _ configuration: ModelConfiguration, _ world: World)
    -> Batch
  {
    let shares = PanelShares(documents, owners: world.size)
    let all = documents.length > 0 ? [0..<documents.length] : []
    func route(_ wanted: (_ rank: Int) -> [Range<Int>]) -> RowRoute {
      RowRoute(tokens: shares.tokens, wanted: (0..<world.size).map(wanted), rank: world.rank)
    }
    return Batch(
      documents: documents, shares: shares, share: shares.share(of: world.rank),
      queries: route { _ in all },
      lookahead: route { shares.tokensRead(by: $0, configuration.mechanism) })
  }

  func ownTokens(of documents: Documents) -> [Range<Int>] {
    let shares = batch.documents == documents ? batch.shares : PanelShares(documents, owners: world.size)
    return shares.tokens[world.rank]
  }

  func begin(_ documents: Documents) {
    if documents != batch.documents { batch = Self.batch(documents, configuration, world) }
    places.load(documents, tokens: batch.shares.tokens[world.rank])
  }

  func attend(layer index: Int, _ activations: LayerActivations) throws {
    let (layer, memory) = (layers[index], memory.first(batch.documents.length))
    layer.rotate(activations[.projections], positions: places.rotary, inverse: false)
    let own = layer.split(activations[.projections])
    try exchange.gather(own.qc, along: batch.queries, into: memory.queries)
    try gatherLookahead(activations[.projections], into: memory)
    backend.panelAttention(
      projections(own, memory), share: batch.share, mechanism: layer.mechanism, documents: batch.documents,
      output: memory.output, logSumExp: memory.outputSums,
      lookaheadKeys: activations[ifPresent: .lookaheadKeys])
    let parts = try exchange.scatter(memory.results, along: batch.queries)
    backend.combinePanels(
      parts, headSize: configuration.heads.headSize, output: activations[.attended],
      logSumExp: logSumExps[index].rows(0..<activations[.attended].rowCount))
  }

  func backward(
    layer index: Int, _ activations: LayerActivations, parameters: ArenaParameters.Layer,
    gradients: ArenaParameters.Layer, workspace: GradientWorkspace
  ) throws {
    let (layer, memory) = (layers[index], memory.first(batch.documents.length))
    let own = layer.split(activations[.projections])
    try exchange.gather(
      told(index, activations, dOutput: workspace[.attended]), along: batch.queries, into: memory.told)
    try gatherLookahead(activations[.projections], into: memory)
    let dOwn = layer.split(workspace[.projections])
    var dAll = projections(dOwn, memory)
    dAll.queries = memory.output
    if let dLookahead = memory.dLookahead { dAll.lookahead = lookahead(dLookahead) }
    backend.panelAttentionBackward(
      memory.dOutput, projections(own, memory), share: batch.share, mechanism: layer.mechanism,
      documents: batch.documents, logSumExp: memory.logSumExp, delta: memory.delta,
      lookaheadKeys: activations[ifPresent: .lookaheadKeys], gradients: dAll)
    try exchange.add(memory.output, along: batch.queries, into: dOwn.qc)
    if let dLookahead = memory.dLookahead {
      try exchange.add(
        dLookahead, along: batch.lookahead, into: workspace[.projections].columns(lookaheadColumns))
    }
    layer.rotate(workspace[.projections], positions: places.rotary, inverse: true)
  }

  /// What other ranks need of this rank's tokens in the backward pass: q^C, dO, log-sum-exp and dO · o.
  private func told(_ layer: Int, _ activations: LayerActivations, dOutput: Matrix) -> Matrix {
    let own = memory.own(dOutput.rowCount)
    backend.copy(layers[layer].split(activations[.projections]).qc, to: own.queries)
    backend.copy(dOutput, to: own.dOutput)
    backend.copy(logSumExps[layer].rows(0..<dOutput.rowCount), to: own.logSumExp)
    backend.attentionDelta(
      dOutput, output: activations[.attended], headSize: configuration.heads.headSize, into: own.delta)
    return own.told
  }

  // MARK: k^U and v^U

  private func gatherLookahead(_ projections: Matrix, into memory: PanelMemory.Views) throws {
    guard let lookahead = memory.lookahead else { return }
    // Tokens that no key here reads are not sent, but copied with the rest of their blocks.
    backend.fill(lookahead, with: 0)
    try exchange.gather(projections.columns(lookaheadColumns), along: batch.lookahead, into: lookahead)
  }

  /// The columns of k^U and v^U among the projections.
  private var lookaheadColumns: Range<Int> { configuration.kvWidth..<3 * configuration.kvWidth }

  private func lookahead(_ sideBySide: Matrix) -> (ku: Matrix, vu: Matrix) {
    let width = configuration.kvWidth
    return (sideBySide.columns(0..<width), sideBySide.columns(width..<2 * width))
  }

  private func projections(_ own: ProjectionMatrices, _ memory: PanelMemory.Views) -> PanelProjections {
    PanelProjections(own: own, queries: memory.queries, lookahead: memory.lookahead.map(lookahead))
  }
}
