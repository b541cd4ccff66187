import CastleFormats
public import CastleOperations
public import CastleTensors

/// A decoder language model and its weights.
///
/// ```swift
/// let model = try LanguageModel(folder: "models/plays", backend: backend)
/// let engine = InferenceEngine(model)
/// let sequence = try engine.makeSequence(capacity: 512)
/// let logits = try engine.advance(sequence, by: tokens)
/// ```
///
/// A model that can be trained has its weights in one arena, ``weights``. One for inference alone is made
/// from ``ModelWeights``, which may be anywhere.
public final class LanguageModel {
  /// The shape of the model.
  public let configuration: ModelConfiguration
  /// The names and shapes of the parameters, and where each is in ``weights``.
  public let layout: ParameterLayout
  /// What computes.
  public let backend: any Backend
  /// What a forward pass reads.
  public let parameters: ModelWeights

  private let trainable: ArenaParameters?

  /// A model whose weights have no value yet.
  init(uninitialized configuration: ModelConfiguration, backend: any Backend) throws {
    try configuration.validate()
    self.configuration = configuration
    self.backend = backend
    layout = ParameterLayout(configuration)
    let arena = backend.allocate(Float.self, rowCount: 1, columnCount: layout.parameterCount)
    let trainable = ArenaParameters(configuration, layout: layout, arena: arena)
    self.trainable = trainable
    parameters = ModelWeights(trainable, tiesEmbeddings: configuration.tiesEmbeddings)
  }

  /// A model for inference alone, with weights in any form and place that `backend` can read.
  ///
  /// Traps if the number of layers differs.
  ///
  /// - Throws: ``InputError`` if `configuration` is not valid.
  public init(
    _ configuration: ModelConfiguration, weights: ModelWeights, backend: any Backend
  ) throws {
    try configuration.validate()
    precondition(weights.layers.count == configuration.layerCount, "weights of another model")
    self.configuration = configuration
    self.backend = backend
    layout = ParameterLayout(configuration)
    parameters = weights
    trainable = nil
  }

  /// The same model for inference alone, with its weights in another precision: those in single precision are
  /// shared, others are new. The embedding stays in single precision in quantised formats, and so do the
  /// norms.
  ///
  /// Returns the model itself if its backend cannot read packed weights. Throws an `InputError` unless
  /// ``isTrainable``.
  public func packed(_ format: WeightFormat) throws -> LanguageModel {
    try checkIsTrainable()
    guard backend.readsPackedWeights else { return self }
    return try LanguageModel(
      configuration, weights: parameters.packed(format, on: backend.packer), backend: backend)
  }

  /// A model with random weights that `seed` determines: normal with deviation 0.02, less by √(2 · layers) in
  /// the projections that add to the residual stream, and 1 in the norms. Of the numbers by which keys and
  /// values are mixed with those before, own is uniform from 0 to 1, and before is 1 minus it.
  ///
  /// - Throws: ``InputError`` if `configuration` is not valid.
  public convenience init(_ configuration: ModelConfiguration, backend: any Backend, seed: UInt64) throws {
    try self.init(uninitialized: configuration, backend: backend)
    initializeWeights(seed: seed)
  }

  /// The most rows that can go through the layers together so that each gets the bits that it gets alone.
  var independentRows: Int {
    let layers = parameters.layers.flatMap { $0.projections + [$0.output] + $0.gateUp + [$0.down] }
    return (layers + [parameters.head]).map { backend.independentRows(of: $0) }.min() ?? 1
  }

  /// Whether the weights are in one arena in single precision, as training and saving want them.
  public var isTrainable: Bool { trainable != nil }

  /// All parameters in one arena: (1, parameter count). Traps unless ``isTrainable``.
  public var weights: Matrix { arenaParameters.arena }

  /// The parameters as matrices of the arena. Traps unless ``isTrainable``.
  var arenaParameters: ArenaParameters {
    guard let trainable else { preconditionFailure("a model for inference alone has no arena of weights") }
    return trainable
  }

  /// Throws unless ``isTrainable``.
  func checkIsTrainable() throws {
    guard isTrainable else {
      throw InputError(
        configuration.quantization.map {
          "the weights are \($0.rawValue), which cannot be trained; take the folder that was quantised"
        } ?? "the model was made for inference alone; read its folder as a model that can be trained")
    }
  }

  /// The parameter called `name`, in the shape of ``ParameterLayout/Entry``; nil if there is none. Traps
  /// unless ``isTrainable``.
  public func view(named name: String) -> Matrix? {
    layout.entry(named: name).map(view)
  }

  /// The elements of one parameter.
  func view(_ entry: ParameterLayout.Entry) -> Matrix {
    Matrix(
      buffer: weights.buffer, offset: weights.offset + entry.offset, rowCount: entry.rowCount,
      columnCount: entry.columnCount)
  }

  /// Fills one parameter piece by piece, so that a large one takes little host memory.
  ///
  /// `produce` gets the index of a piece's first element in the parameter, and the piece.
  func fill(
    _ entry: ParameterLayout.Entry,
    _ produce: (_ start: Int, _ piece: UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    try forEachPiece(of: entry) { start, elements, piece in
      try produce(start, piece)
      backend.upload(UnsafeBufferPointer(piece), to: elements)
    }
  }

  /// Reads one parameter piece by piece.
  func forEachPiece(
    of entry: ParameterLayout.Entry, _ body: (UnsafeBufferPointer<Float>) throws -> Void
  ) rethrows {
    try forEachPiece(of: entry) { _, elements, piece in
      backend.download(elements, to: piece)
      try body(UnsafeBufferPointer(piece))
    }
  }

  /// Calls `body` with the index of each piece's first element, its elements, and as much room on the host.
  private func forEachPiece(
    of entry: ParameterLayout.Entry,
    _ body: (_ start: Int, _ elements: Matrix, _ piece: UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    let elements = view(entry).flattened
    let pieceSize = min(Self.pieceSize, elements.count)
    let piece = UnsafeMutableBufferPointer<Float>.allocate(capacity: pieceSize)
    defer { piece.deallocate() }
    for start in stride(from: 0, to: elements.count, by: pieceSize) {
      let end = min(start + pieceSize, elements.count)
      try body(
        start, elements.columns(start..<end), UnsafeMutableBufferPointer(rebasing: piece[..<(end - start)]))
    }
  }

  private static let pieceSize = 1 << 20
}
