public import CastleAttention
package import CastleCluster
public import CastleOperations
public import CastleTensors

/// Loss and gradients of a model for batches of up to a fixed size.
///
/// All memory is planned when the pass is made; a step allocates nothing.
///
/// ```swift
/// let pass = try TrainingPass(model, batch: 8, length: 512)
/// let loss = try pass.lossAndGradients(
///   tokens: tokens, targets: targets, documents: documents, lossScale: 1 / Float(tokens.count),
///   into: gradients)
/// ```
public final class TrainingPass {
  /// The model that is trained.
  public let model: LanguageModel
  /// The most tokens of a batch, those of all ranks that share it together.
  public let tokenCapacity: Int

  /// The most tokens of a sequence.
  let longest: Int
  let forward: ForwardPass
  let head: OutputHead
  let targetIDs: IndexMatrix

  private let workspace: GradientWorkspace

  /// Plans the memory for batches of `batch` rows of `length` tokens.
  ///
  /// With `recomputesActivations`, only the residual stream of each layer is kept, and the backward pass
  /// computes the rest of a layer again: about a third more work, far less memory, the same gradients bit for
  /// bit.
  ///
  /// Traps if `batch` or `length` is not positive.
  ///
  /// - Throws: ``InputError`` if `length` is longer than the model allows, or the model is for inference
  ///   alone.
  public convenience init(
    _ model: LanguageModel, batch: Int, length: Int, recomputesActivations: Bool = false
  ) throws {
    try self.init(
      model, batch: batch, length: length, recomputesActivations: recomputesActivations,
      ranks: SingleProcess())
  }

  /// A pass whose tokens the ranks of a communicator share: each computes neighboring ones, and the attention
  /// of some heads for all of them. Where there are more ranks than KV heads, each computes panels of the
  /// documents, and what all heads of all tokens see of them.
  ///
  /// Every rank makes the same calls with the same arguments, those for the whole batch. Losses are then
  /// those of the rank's own tokens, see ``ownTokens(of:)``, and so are gradients: the sums over the ranks
  /// are what one process computes.
  ///
  /// Traps if there are more ranks than KV heads, and keys and values are shifted.
  ///
  /// - Throws: ``InputError`` as the other initializer, or if there are more ranks than KV heads, which the
  ///   backend cannot do.
  package init(
    _ model: LanguageModel, batch: Int, length: Int, recomputesActivations: Bool = false,
    ranks: any Communicator
  ) throws {
    precondition(batch > 0 && length > 0)
    try model.checkIsTrainable()
    try model.check(length: length)
    self.model = model
    tokenCapacity = batch * length
    longest = length
    let ownCapacity = Self.ownCapacity(model.configuration, tokenCapacity, ranks: ranks.world)
    forward = ForwardPass(
      model, capacity: ownCapacity, longest: length, retention: recomputesActivations ? .streams : .all,
      exchange: try Self.exchange(
        model, capacity: tokenCapacity, longest: length, keepsLayers: !recomputesActivations, ranks: ranks))
    head = OutputHead(model, tokenCount: ownCapacity)
    workspace = GradientWorkspace(model.configuration, tokenCount: ownCapacity, backend: model.backend)
    targetIDs = model.backend.allocate(Int32.self, rowCount: 1, columnCount: ownCapacity)
  }

  private static func exchange(
    _ model: LanguageModel, capacity: Int, longest: Int, keepsLayers: Bool, ranks: any Communicator
  ) throws -> (any AttentionExchange)? {
    switch TokenSharing(model.configuration, ranks: ranks.world) {
    case .none: nil
    case .heads:
      HeadExchange(
        model, capacity: capacity, longest: longest, keepsLayers: keepsLayers, communicator: ranks)
    case .panels:
      try PanelExchange(
        model, capacity: capacity, longest: longest, keepsLayers: keepsLayers, communicator: ranks)
    }
  }

  /// The tokens of a batch of `documents` whose losses this rank computes: all of them where it is the only
  /// one.
  package func ownTokens(of documents: Documents) -> [Range<Int>] { forward.ownTokens(of: documents) }

  /// The summed negative log-likelihood (natural logarithm) of `targets`, and the gradients of `lossScale`
  /// times it, which are **added** to `gradients`, an arena like ``LanguageModel/weights``.
  ///
  /// `targets[i]` is the id that should follow `tokens[i]`; −1 is left out. `documents` cover all tokens;
  /// none sees another, and each starts at position 0.
  ///
  /// While the backward pass still runs, `whenFinal` is told which matrices have all of their gradients:
  /// those that lie at or after a place in the arena, which comes down from call to call. All others, and the
  /// vectors, follow at the end.
  ///
  /// Traps if there are more tokens than ``tokenCapacity``, a document is longer than the pass was made for,
  /// or the counts differ.
  ///
  /// - Throws: ``InputError`` if an id is outside the vocabulary or a document is longer than the model
  ///   allows.
  public func lossAndGradients(
    tokens: [Int32], targets: [Int32], documents: Documents, lossScale: Float,
    into gradients: Matrix, whenFinal: ((_ place: Int) throws -> Void)? = nil
  ) throws -> DeviceScalar {
    let targets = try load(targets, of: tokens, documents: documents)
    try forward.run(tokens, documents: documents)
    let gradients = parameters(of: gradients)
    let workspace = workspace.first(targets.count)
    let loss = head.lossAndGradients(
      forward.normed, targets: targets, scale: lossScale, weight: model.arenaParameters.head,
      dNormed: workspace[.normed], dWeight: gradients.head)
    guard let whenFinal else {
      try forward.backward(documents: documents, gradients: gradients, workspace: workspace)
      return loss
    }
    if !model.configuration.tiesEmbeddings { try whenFinal(gradients.head.offset - gradients.arena.offset) }
    try forward.backward(documents: documents, gradients: gradients, workspace: workspace) { layer in
      try whenFinal(gradients.layers[layer].projections.offset - gradients.arena.offset)
    }
    return loss
  }

  /// The summed negative log-likelihood of `targets` and the number of those that are not −1.
  ///
  /// The arguments and errors are those of
  /// ``lossAndGradients(tokens:targets:documents:lossScale:into:whenFinal:)``.
  public func loss(
    tokens: [Int32], targets: [Int32], documents: Documents
  ) throws -> (sum: DeviceScalar, count: Int) {
    let targetIDs = try load(targets, of: tokens, documents: documents)
    try forward.run(tokens, documents: documents)
    let sum = head.loss(forward.normed, targets: targetIDs)
    let own = targets.elements(in: ownTokens(of: documents))
    return (sum, own.reduce(0) { $1 < 0 ? $0 : $0 + 1 })
  }

  private var lastGradients: (arena: Matrix, parameters: ArenaParameters)?

  /// The views on a gradient arena, made anew only when another arena comes.
  private func parameters(of arena: Matrix) -> ArenaParameters {
    if let last = lastGradients, last.arena.buffer === arena.buffer, last.arena.offset == arena.offset {
      return last.parameters
    }
    let parameters = ArenaParameters(model.configuration, layout: model.layout, arena: arena)
    lastGradients = (arena, parameters)
    return parameters
  }

  private func load(_ targets: [Int32], of tokens: [Int32], documents: Documents) throws -> IndexMatrix {
    precondition(targets.count == tokens.count && tokens.count <= tokenCapacity)
    precondition(documents.length == tokens.count, "documents must cover all tokens")
    try model.check(targets: targets)
    return targetIDs.load(targets.elements(in: ownTokens(of: documents)), on: model.backend)
  }
}
