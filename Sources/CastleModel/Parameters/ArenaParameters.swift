import CastleTensors

/// The parameters of a model in training, or their gradients, as matrices of one arena.
struct ArenaParameters {
  /// The parameters of one layer.
  struct Layer {
    /// (1, hidden size).
    let attentionNorm: Matrix
    /// All attention projections below each other: (projection width, hidden size).
    let projections: Matrix
    /// (2, 2 · KV heads), if keys and values are shifted.
    let shift: Matrix?
    /// (hidden size, attention width).
    let output: Matrix
    /// (1, hidden size).
    let mlpNorm: Matrix
    /// Gate above up: (2 · intermediate size, hidden size).
    let gateUp: Matrix
    /// (hidden size, intermediate size).
    let down: Matrix
    /// What only some models have.
    let extras: LayerExtras
  }

  /// The whole arena, (1, parameter count).
  let arena: Matrix
  /// (vocabulary, hidden size).
  let embedding: Matrix
  let layers: [Layer]
  /// (1, hidden size).
  let finalNorm: Matrix
  /// (vocabulary, hidden size); the embedding itself where the two are tied.
  let head: Matrix

  init(_ configuration: ModelConfiguration, layout: ParameterLayout, arena: Matrix) {
    precondition(arena.isContiguous && arena.count == layout.parameterCount, "arena of the wrong size")
    func view(_ name: String, rows: Int? = nil, columns: Int? = nil) -> Matrix {
      guard let entry = layout.entry(named: name) else { preconditionFailure("no parameter \(name)") }
      return Matrix(
        buffer: arena.buffer, offset: arena.offset + entry.offset, rowCount: rows ?? entry.rowCount,
        columnCount: columns ?? entry.columnCount)
    }
    func extras(_ layer: Int) -> LayerExtras {
      var extras = LayerExtras()
      if configuration.hasHeadNorms {
        extras.headNorms = (
          view(ParameterName.headNorm(layer, "q")), view(ParameterName.headNorm(layer, "k"))
        )
      }
      if configuration.hasProjectionBias {
        extras.projectionBiases = [
          view(ParameterName.attentionBias(layer, "q"), columns: configuration.projectionWidth)
        ]
      }
      if configuration.hasOutputBias { extras.outputBias = view(ParameterName.attentionBias(layer, "o")) }
      if configuration.hasMLPBias {
        extras.gateUpBiases = [
          view(ParameterName.mlpBias(layer, "gate"), columns: 2 * configuration.intermediateSize)
        ]
        extras.downBias = view(ParameterName.mlpBias(layer, "down"))
      }
      return extras
    }
    let firstProjection = ParameterName.projections(hasLookahead: configuration.hasLookahead)[0]
    self.arena = arena
    embedding = view(ParameterName.embedding)
    layers = (0..<configuration.layerCount).map { layer in
      Layer(
        attentionNorm: view(ParameterName.attentionNorm(layer)),
        projections: view(
          ParameterName.attention(layer, firstProjection), rows: configuration.projectionWidth),
        shift: configuration.shiftsKeysAndValues ? view(ParameterName.shift(layer)) : nil,
        output: view(ParameterName.attention(layer, "o")),
        mlpNorm: view(ParameterName.mlpNorm(layer)),
        gateUp: view(ParameterName.mlp(layer, "gate"), rows: 2 * configuration.intermediateSize),
        down: view(ParameterName.mlp(layer, "down")),
        extras: extras(layer))
    }
    finalNorm = view(ParameterName.finalNorm)
    head = configuration.tiesEmbeddings ? embedding : view(ParameterName.head)
  }
}
