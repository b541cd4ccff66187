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
/// A model that can be trained has its weights in one arena, ``weights``. One for inference alone is made from
/// ``ModelWeights``, which may lie anywhere.
public final class LanguageModel {
  /// The shape of the model.
  public let configuration: ModelConfiguration
  /// The names and shapes of the parameters, and where each lies in ``weights``.
  public let layout: ParameterLayout
  /// What computes.
  public let backend: any Backend
  /// What a forward pass reads.
  public let parameters: ModelWeights

  private let trainable: ArenaParameters?

  /// A model whose weights have no value yet.
  init(uninitialised configuration: ModelConfiguration, backend: any Backend) throws {
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
  /// Throws an `InputError` if `configuration` is not valid. Traps if the number of layers differs.
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

  /// A model with random weights that `seed` determines: normal with deviation 0.02, less by √(2 · layers) in the
  /// projections that add to the residual stream, and 1 in the norms. Of the numbers by which keys and values are mixed
  /// with those before, own is uniform from 0 to 1, and before is 1 minus it.
  ///
  /// Throws an `InputError` if `configuration` is not valid.
  public convenience init(_ configuration: ModelConfiguration, backend: any Backend, seed: UInt64) throws {
    try self.init(uninitialised: configuration, backend: backend)
    initialiseWeights(seed: seed)
  }

  /// Whether the weights lie in one arena in single precision, as training and saving want them.
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
        "the model was made for inference alone; read its folder as a model that can be trained")
    }
  }

  /// The parameter called `name`, in the shape of ``ParameterLayout/Entry``; nil if there is none. Traps unless
  /// ``isTrainable``.
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
    let elements = view(entry).flattened
    let pieceSize = min(Self.pieceSize, elements.count)
    let piece = UnsafeMutableBufferPointer<Float>.allocate(capacity: pieceSize)
    defer { piece.deallocate() }
    for start in stride(from: 0, to: elements.count, by: pieceSize) {
      let end = min(start + pieceSize, elements.count)
      let part = UnsafeMutableBufferPointer(rebasing: piece[..<(end - start)])
      try produce(start, part)
      backend.upload(UnsafeBufferPointer(part), to: elements.columns(start..<end))
    }
  }

  /// Reads one parameter piece by piece.
  func forEachPiece(
    of entry: ParameterLayout.Entry, _ body: (UnsafeBufferPointer<Float>) throws -> Void
  ) rethrows {
    let elements = view(entry).flattened
    let pieceSize = min(Self.pieceSize, elements.count)
    let piece = UnsafeMutableBufferPointer<Float>.allocate(capacity: pieceSize)
    defer { piece.deallocate() }
    for start in stride(from: 0, to: elements.count, by: pieceSize) {
      let end = min(start + pieceSize, elements.count)
      let part = UnsafeMutableBufferPointer(rebasing: piece[..<(end - start)])
      backend.download(elements.columns(start..<end), to: part)
      try body(UnsafeBufferPointer(part))
    }
  }

  private static let pieceSize = 1 << 20

  private func initialiseWeights(seed: UInt64) {
    var source = RandomSource(seed: seed)
    for entry in layout.entries {
      if entry.isShift {
        let own = (0..<entry.columnCount).map { _ in source.nextFloat() }
        fill(entry) { start, piece in
          for index in piece.indices {
            let place = start + index
            piece[index] = place < own.count ? own[place] : 1 - own[place - own.count]
          }
        }
        continue
      }
      guard let deviation = entry.initialDeviation.map(Float.init) else {
        backend.fill(view(entry), with: 1)
        continue
      }
      fill(entry) { _, piece in
        for index in piece.indices { piece[index] = deviation * source.nextNormal() }
      }
    }
  }
}
