import CastleFormats
public import CastleOperations
public import CastleTensors

/// The weights that a forward pass reads: each matrix in a form of its own, norms in single precision.
///
/// A model in training has them as views of one arena; for inference they may be anywhere, such as in a
/// mapped file.
///
/// ```swift
/// let weights = try ModelWeights(configuration) { name, shape in
///   try file.weight(name, shape)
/// } norm: { name in
///   try file.norm(name)
/// }
/// let model = try LanguageModel(configuration, weights: weights, backend: backend)
/// ```
public struct ModelWeights {
  /// The weights of one layer.
  ///
  /// Matrices that one input goes through are a list, their outputs side by side: one weight where they
  /// follow each other in memory, so that one product makes all outputs, or several.
  public struct Layer {
    /// The scale of the norm before attention, (1, hidden size).
    public let attentionNorm: Matrix
    /// The projections q^U, k^U, v^U, q^C, k^C and v^C, or q, k and v: together (projection width, hidden
    /// size).
    public let projections: [Weight]
    /// By what keys and values are mixed with those before, (2, 2 · KV heads); nil if they are not.
    public let shift: Matrix?
    /// The output projection of attention, (hidden size, attention width).
    public let output: Weight
    /// The scale of the norm before the MLP, (1, hidden size).
    public let mlpNorm: Matrix
    /// The projections gate and up of the MLP: together (2 · intermediate size, hidden size).
    public let gateUp: [Weight]
    /// The projection down of the MLP, (hidden size, intermediate size).
    public let down: Weight
    /// What only some models have.
    let extras: LayerExtras
  }

  /// The embedding of tokens, (vocabulary, hidden size).
  public let embedding: Weight
  /// The layers, the first one first.
  public let layers: [Layer]
  /// The scale of the norm before the head, (1, hidden size).
  public let finalNorm: Matrix
  /// The output head, (vocabulary, hidden size); the embedding itself where the two are tied.
  public let head: Weight

  /// Whether the head is the embedding itself.
  private let sharesEmbedding: Bool

  /// Asks for the weights one by one, under their names in `model.safetensors`: matrices, and with `norm`
  /// vectors, which are the scales of norms and, in models that have them, biases.
  ///
  /// `tiedHead` is the head of a model whose head is its embedding, in another form than the embedding.
  /// The numbers of the shift of keys and values are asked for as vectors are, in two rows.
  ///
  /// - Throws: ``InputError`` if `configuration` is not valid or a weight has another shape, and what the two
  ///   functions throw.
  public init(
    _ configuration: ModelConfiguration, tiedHead: Weight? = nil,
    weight: (_ name: String, _ shape: [Int]) throws -> Weight,
    norm: (_ name: String) throws -> Matrix
  ) throws {
    try configuration.validate()
    sharesEmbedding = configuration.tiesEmbeddings && tiedHead == nil
    let layout = ParameterLayout(configuration)
    func matrix(_ name: String) throws -> Weight {
      guard let entry = layout.entry(named: name) else { preconditionFailure("no parameter \(name)") }
      let weight = try weight(name, entry.shape)
      try Self.check(name, [weight.rowCount, weight.columnCount], against: entry.shape)
      return weight
    }
    func shift(_ layer: Int) throws -> Matrix? {
      guard configuration.shiftsKeysAndValues else { return nil }
      let matrix = try norm(ParameterName.shift(layer))
      let shape = [2, 2 * configuration.heads.kvHeads]
      try Self.check(ParameterName.shift(layer), [matrix.rowCount, matrix.columnCount], against: shape)
      return matrix
    }
    func vector(_ name: String) throws -> Matrix {
      guard let entry = layout.entry(named: name) else { preconditionFailure("no parameter \(name)") }
      let matrix = try norm(name)
      try Self.check(name, [matrix.count], against: entry.shape)
      return matrix
    }
    func extras(_ layer: Int) throws -> LayerExtras {
      var extras = LayerExtras()
      if configuration.hasHeadNorms {
        extras.headNorms = (
          try vector(ParameterName.headNorm(layer, "q")), try vector(ParameterName.headNorm(layer, "k"))
        )
      }
      if configuration.hasProjectionBias {
        extras.projectionBiases = try ["q", "k", "v"].map {
          try vector(ParameterName.attentionBias(layer, $0))
        }
      }
      if configuration.hasOutputBias {
        extras.outputBias = try vector(ParameterName.attentionBias(layer, "o"))
      }
      if configuration.hasMLPBias {
        extras.gateUpBiases = try ["gate", "up"].map { try vector(ParameterName.mlpBias(layer, $0)) }
        extras.downBias = try vector(ParameterName.mlpBias(layer, "down"))
      }
      return extras
    }
    let embedding = try matrix(ParameterName.embedding)
    self.embedding = embedding
    layers = try (0..<configuration.layerCount).map { layer in
      Layer(
        attentionNorm: try vector(ParameterName.attentionNorm(layer)),
        projections: Weight.joined(
          try ParameterName.projections(hasLookahead: configuration.hasLookahead).map {
            try matrix(ParameterName.attention(layer, $0))
          }),
        shift: try shift(layer), output: try matrix(ParameterName.attention(layer, "o")),
        mlpNorm: try vector(ParameterName.mlpNorm(layer)),
        gateUp: Weight.joined(try ["gate", "up"].map { try matrix(ParameterName.mlp(layer, $0)) }),
        down: try matrix(ParameterName.mlp(layer, "down")),
        extras: try extras(layer))
    }
    finalNorm = try vector(ParameterName.finalNorm)
    head = try tiedHead ?? (configuration.tiesEmbeddings ? embedding : matrix(ParameterName.head))
    try Self.check(
      "the head", [head.rowCount, head.columnCount], against: [embedding.rowCount, embedding.columnCount])
  }

  /// The weights of a model in training.
  init(_ parameters: ArenaParameters, tiesEmbeddings: Bool) {
    sharesEmbedding = tiesEmbeddings
    embedding = .float32(parameters.embedding)
    layers = parameters.layers.map {
      Layer(
        attentionNorm: $0.attentionNorm, projections: [.float32($0.projections)], shift: $0.shift,
        output: .float32($0.output), mlpNorm: $0.mlpNorm, gateUp: [.float32($0.gateUp)],
        down: .float32($0.down), extras: $0.extras)
    }
    finalNorm = parameters.finalNorm
    head = .float32(parameters.head)
  }

  /// The bytes of all weights; a head that is the embedding counts once.
  public var byteCount: Int {
    let layers = layers.reduce(0) { sum, layer in
      let matrices = layer.projections + [layer.output] + layer.gateUp + [layer.down]
      let vectors =
        layer.attentionNorm.count + layer.mlpNorm.count + layer.extras.count + (layer.shift?.count ?? 0)
      return sum + matrices.reduce(0) { $0 + $1.byteCount } + vectors * MemoryLayout<Float>.stride
    }
    return layers + embedding.byteCount + (sharesEmbedding ? 0 : head.byteCount)
      + finalNorm.count * MemoryLayout<Float>.stride
  }

  /// The same weights in another precision, which must be those of an arena in the host's memory. The
  /// embedding stays as it is in quantised formats; so do the norms.
  package func packed(_ format: WeightFormat, on backend: CPUBackend) -> ModelWeights {
    func pack(_ weight: Weight) -> Weight {
      guard case .float32(let matrix) = weight else { return weight }
      return .packed(PackedWeight(matrix, format: format, on: backend))
    }
    let embedding = format.isQuantized ? embedding : pack(embedding)
    return ModelWeights(
      embedding: embedding,
      layers: layers.map {
        Layer(
          attentionNorm: $0.attentionNorm, projections: $0.projections.map(pack), shift: $0.shift,
          output: pack($0.output),
          mlpNorm: $0.mlpNorm, gateUp: $0.gateUp.map(pack), down: pack($0.down),
          extras: $0.extras)
      },
      finalNorm: finalNorm, head: sharesEmbedding && !format.isQuantized ? embedding : pack(head),
      sharesEmbedding: sharesEmbedding && !format.isQuantized)
  }

  private init(
    embedding: Weight, layers: [Layer], finalNorm: Matrix, head: Weight, sharesEmbedding: Bool
  ) {
    self.embedding = embedding
    self.layers = layers
    self.finalNorm = finalNorm
    self.head = head
    self.sharesEmbedding = sharesEmbedding
  }

  /// The bytes of weights that a pass through the layers and the head reads, however few its tokens.
  package var bytesPerPass: Int { byteCount - (sharesEmbedding ? 0 : embedding.byteCount) }

  private static func check(_ name: String, _ shape: [Int], against expected: [Int]) throws {
    guard shape == expected else {
      throw InputError("\(name) has the shape \(shape), the configuration asks for \(expected)")
    }
  }
}
