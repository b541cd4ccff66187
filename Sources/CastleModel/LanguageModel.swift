import CastleFormats
public import CastleOperations
public import CastleTensors

/// A decoder language model and its weights.
///
/// ```swift
/// let model = try LanguageModel(folder: "models/plays", backend: backend)
/// let session = try DecodingSession(model, capacity: 512)
/// let logits = try session.append(tokens)
/// ```
public final class LanguageModel {
  /// The shape of the model.
  public let configuration: ModelConfiguration
  /// Where each parameter lies in ``weights``.
  public let layout: ParameterLayout
  /// What computes.
  public let backend: any Backend
  /// All parameters: (1, parameter count).
  public let weights: Matrix

  let parameters: ModelParameters

  /// A model whose weights have no value yet.
  init(uninitialised configuration: ModelConfiguration, backend: any Backend) throws {
    try configuration.validate()
    self.configuration = configuration
    self.backend = backend
    layout = ParameterLayout(configuration)
    weights = backend.allocate(Float.self, rowCount: 1, columnCount: layout.parameterCount)
    parameters = ModelParameters(configuration, layout: layout, arena: weights)
  }

  /// A model with random weights that `seed` determines: normal with deviation 0.02, less by √(2 · layers) in the
  /// projections that add to the residual stream, and 1 in the norms.
  ///
  /// Throws an `InputError` if `configuration` is not valid.
  public convenience init(_ configuration: ModelConfiguration, backend: any Backend, seed: UInt64) throws {
    try self.init(uninitialised: configuration, backend: backend)
    initialiseWeights(seed: seed)
  }

  /// The parameter called `name`, in the shape of ``ParameterLayout/Entry``; nil if there is none.
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
