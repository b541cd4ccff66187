import CastleOperations

/// Where each parameter of a model is in one contiguous arena.
///
/// All matrices come first, then all vectors, so that an optimizer can treat each kind with one call. Within
/// a layer q^U, k^U, v^U, q^C, k^C and v^C are adjacent, and so are gate and up: one product makes each
/// group. So are their biases.
public struct ParameterLayout: Sendable {
  /// One parameter.
  public struct Entry: Sendable, Hashable {
    /// The name in `model.safetensors`.
    public let name: String
    /// The number of rows: outputs of a projection, tokens of an embedding, 1 of a norm, 2 of the shift.
    public let rowCount: Int
    /// The number of columns.
    public let columnCount: Int
    /// The index of the first element in the arena.
    public let offset: Int
    /// Whether this is a matrix, which weight decay shrinks, and not a bias or the scale of a norm or of the
    /// shift.
    public let isMatrix: Bool
    /// The standard deviation of the initial values, 0 for biases; nil where they are not normal.
    public let initialDeviation: Double?
    /// Whether these are the numbers by which keys and values are mixed with those before.
    public var isShift: Bool { name.hasSuffix(ParameterName.shiftSuffix) }

    /// The number of elements.
    public var count: Int { rowCount * columnCount }
    /// The elements in the arena.
    public var range: Range<Int> { offset..<offset + count }
    /// The dimensions in `model.safetensors`.
    public var shape: [Int] { isMatrix || isShift ? [rowCount, columnCount] : [columnCount] }
  }

  /// The parameters, in the order of the arena.
  public let entries: [Entry]
  /// The number of elements of all parameters.
  public let parameterCount: Int
  /// The part of the arena that holds the matrices.
  public let matrices: Range<Int>
  /// The part of the arena that holds the scales of the norms and of the shift, and the biases.
  public let vectors: Range<Int>

  private let indices: [String: Int]

  /// The layout of a model. `configuration` must be valid.
  public init(_ configuration: ModelConfiguration) {
    var builder = Builder()
    builder.addMatrices(configuration)
    let matrixCount = builder.count
    builder.addVectors(configuration)
    entries = builder.entries
    parameterCount = builder.count
    matrices = 0..<matrixCount
    vectors = matrixCount..<builder.count
    indices = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
  }

  /// The parameter called `name`, nil if the model has none.
  public func entry(named name: String) -> Entry? {
    indices[name].map { entries[$0] }
  }
}

private struct Builder {
  var entries: [ParameterLayout.Entry] = []
  var count = 0

  mutating func addMatrices(_ configuration: ModelConfiguration) {
    let size = configuration.hiddenSize
    let hidden = configuration.intermediateSize
    let residual = InitialWeights.residualDeviation(layerCount: configuration.layerCount)
    addMatrix(ParameterName.embedding, configuration.vocabularySize, size)
    for layer in 0..<configuration.layerCount {
      let queryWidth = configuration.attentionWidth
      for name in ParameterName.projections(hasLookahead: configuration.hasLookahead) {
        let width = ["q", "qc"].contains(name) ? queryWidth : configuration.kvWidth
        addMatrix(ParameterName.attention(layer, name), width, size)
      }
      addMatrix(ParameterName.attention(layer, "o"), size, queryWidth, deviation: residual)
      addMatrix(ParameterName.mlp(layer, "gate"), hidden, size)
      addMatrix(ParameterName.mlp(layer, "up"), hidden, size)
      addMatrix(ParameterName.mlp(layer, "down"), size, hidden, deviation: residual)
    }
    if !configuration.tiesEmbeddings { addMatrix(ParameterName.head, configuration.vocabularySize, size) }
  }

  mutating func addVectors(_ configuration: ModelConfiguration) {
    for layer in 0..<configuration.layerCount {
      addVector(ParameterName.attentionNorm(layer), configuration.hiddenSize)
      addVector(ParameterName.mlpNorm(layer), configuration.hiddenSize)
      addSwitchedVectors(configuration, layer: layer)
      if configuration.shiftsKeysAndValues {
        add(ParameterName.shift(layer), 2, 2 * configuration.heads.kvHeads, isMatrix: false, nil)
      }
    }
    addVector(ParameterName.finalNorm, configuration.hiddenSize)
  }

  /// The vectors that only some models have.
  private mutating func addSwitchedVectors(_ configuration: ModelConfiguration, layer: Int) {
    if configuration.hasHeadNorms {
      for name in ["q", "k"] { addVector(ParameterName.headNorm(layer, name), configuration.heads.headSize) }
    }
    if configuration.hasProjectionBias {
      for (name, width) in [
        ("q", configuration.attentionWidth), ("k", configuration.kvWidth), ("v", configuration.kvWidth),
      ] {
        addVector(ParameterName.attentionBias(layer, name), width, deviation: 0)
      }
    }
    if configuration.hasOutputBias {
      addVector(ParameterName.attentionBias(layer, "o"), configuration.hiddenSize, deviation: 0)
    }
    if configuration.hasMLPBias {
      for name in ["gate", "up"] {
        addVector(ParameterName.mlpBias(layer, name), configuration.intermediateSize, deviation: 0)
      }
      addVector(ParameterName.mlpBias(layer, "down"), configuration.hiddenSize, deviation: 0)
    }
  }

  private mutating func addMatrix(
    _ name: String, _ rows: Int, _ columns: Int, deviation: Double = InitialWeights.deviation
  ) {
    add(name, rows, columns, isMatrix: true, deviation)
  }

  private mutating func addVector(_ name: String, _ size: Int, deviation: Double? = nil) {
    add(name, 1, size, isMatrix: false, deviation)
  }

  private mutating func add(
    _ name: String, _ rows: Int, _ columns: Int, isMatrix: Bool, _ deviation: Double?
  ) {
    entries.append(
      .init(
        name: name, rowCount: rows, columnCount: columns, offset: count, isMatrix: isMatrix,
        initialDeviation: deviation))
    count += rows * columns
  }
}
