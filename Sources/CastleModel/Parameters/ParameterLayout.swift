import CastleOperations

/// Where each parameter of a model lies in one contiguous arena.
///
/// All matrices come first, then all vectors, so that an optimizer can treat each kind with one call. Within a
/// layer q^U, k^U, v^U, q^C, k^C and v^C are adjacent, and so are gate and up: one product makes each group.
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
    /// Whether this is a matrix, which weight decay shrinks, and not the scale of a norm or of the shift.
    public let isMatrix: Bool
    /// The standard deviation of the initial values; nil where they are not random and normal.
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
  /// The part of the arena that holds the scales of the norms and of the shift.
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

/// The names of parameters in Hugging Face's LLaMA folders.
package enum ParameterName {
  package static let embedding = "model.embed_tokens.weight"
  package static let finalNorm = "model.norm.weight"
  package static let head = "lm_head.weight"

  /// The projections of attention in the order in which they lie in the arena and side by side in activations.
  package static func projections(hasLookahead: Bool) -> [String] {
    hasLookahead ? ["qu", "ku", "vu", "qc", "kc", "vc"] : ["q", "k", "v"]
  }

  package static func attention(_ layer: Int, _ projection: String) -> String {
    "model.layers.\(layer).self_attn.\(projection)_proj.weight"
  }

  /// Own and before, for the keys of all heads and then for the values: (2, 2 · KV heads).
  package static func shift(_ layer: Int) -> String { "model.layers.\(layer)" + shiftSuffix }

  static let shiftSuffix = ".self_attn.kv_shift"

  package static func mlp(_ layer: Int, _ projection: String) -> String {
    "model.layers.\(layer).mlp.\(projection)_proj.weight"
  }

  package static func attentionNorm(_ layer: Int) -> String {
    "model.layers.\(layer).input_layernorm.weight"
  }

  package static func mlpNorm(_ layer: Int) -> String {
    "model.layers.\(layer).post_attention_layernorm.weight"
  }
}

/// How weights start (Equations, Model).
enum Initialisation {
  static let deviation = 0.02

  /// The output projections of attention and MLP, which add to the residual stream 2 · `layerCount` times.
  static func residualDeviation(layerCount: Int) -> Double {
    deviation / Double(2 * layerCount).squareRoot()
  }
}

private struct Builder {
  var entries: [ParameterLayout.Entry] = []
  var count = 0

  mutating func addMatrices(_ configuration: ModelConfiguration) {
    let size = configuration.hiddenSize
    let hidden = configuration.intermediateSize
    let residual = Initialisation.residualDeviation(layerCount: configuration.layerCount)
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
      if configuration.shiftsKeysAndValues {
        add(ParameterName.shift(layer), 2, 2 * configuration.heads.kvHeads, isMatrix: false, nil)
      }
    }
    addVector(ParameterName.finalNorm, configuration.hiddenSize)
  }

  private mutating func addMatrix(
    _ name: String, _ rows: Int, _ columns: Int, deviation: Double = Initialisation.deviation
  ) {
    add(name, rows, columns, isMatrix: true, deviation)
  }

  private mutating func addVector(_ name: String, _ size: Int) {
    add(name, 1, size, isMatrix: false, nil)
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
