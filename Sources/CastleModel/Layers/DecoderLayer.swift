import CastleAttention
import CastleOperations
import CastleTensors

/// One layer of the decoder: attention and MLP, each behind a norm and with a residual around it.
///
/// The residual stream is never copied. A product writes the branch alone; the norm that follows adds the
/// stream so far to it, in the pass in which it normalizes. So the output of a layer is a branch, whose
/// residual is the layer's ``LayerActivation/mlpInput``.
struct DecoderLayer {
  let backend: any Backend
  let configuration: ModelConfiguration
  let weights: ModelWeights.Layer
  /// The attention of this layer.
  let mechanism: Mechanism

  /// The layers of `model`.
  static func all(of model: LanguageModel) -> [DecoderLayer] {
    model.parameters.layers.enumerated().map { index, weights in
      DecoderLayer(
        backend: model.backend, configuration: model.configuration, weights: weights,
        mechanism: model.configuration.mechanism(ofLayer: index))
    }
  }

  /// From the residual stream to the projections of attention, each token for itself. If `residual` is given,
  /// the stream so far is a branch to which it is added first.
  func projectAttention(_ activations: LayerActivations, adding residual: Matrix?) {
    backend.rmsNorm(
      activations[.attentionInput], adding: residual, weight: weights.attentionNorm, epsilon: epsilon,
      into: activations[.attentionNormed], scales: activations[.attentionScales])
    multiply(activations[.attentionNormed], by: weights.projections, into: activations[.projections])
    add(weights.extras.projectionBiases, to: activations[.projections])
    normHeads(activations)
  }

  /// Gives the projections their places in the documents: mixes keys and values with those before, of which
  /// `neighbours` say what comes before the first tokens, and turns what has rotary positions.
  func placeProjections(
    _ activations: LayerActivations, positions: RotaryPositions, neighbours: ShiftNeighbours?
  ) {
    shift(activations, neighbours: neighbours)
    rotate(activations[.projections], positions: positions, inverse: false)
  }

  /// Mixes keys and values with those of the token before, if the model does.
  private func shift(_ activations: LayerActivations, neighbours: ShiftNeighbours?) {
    guard let shift = weights.shift else { return }
    guard let neighbours else { preconditionFailure("a shift needs the keys and values before") }
    let mixed = activations[.projections].columns(configuration.keyAndValueColumns)
    backend.copy(mixed, to: activations[.unshifted])
    backend.shift(
      activations[.unshifted], weights: shift, documents: neighbours.documents,
      previous: neighbours.previous, into: mixed)
  }

  /// Attention over whole documents, from the projections (tokens, projection width) to (tokens, attention
  /// width).
  func attend(_ activations: LayerActivations, documents: Documents) {
    backend.attention(
      split(activations[.projections]), mechanism: mechanism, documents: documents,
      output: activations[.attended], logSumExp: activations[.logSumExp],
      lookaheadKeys: activations[ifPresent: .lookaheadKeys])
  }

  /// Attention of the next tokens of some sequences, of the same shapes: document i goes on from `caches[i]`.
  func attend(_ activations: LayerActivations, documents: Documents, caches: [any AttentionCache]) {
    backend.attention(
      split(activations[.projections]), documents: documents, appendingTo: caches,
      output: activations[.attended])
  }

  /// From the output of attention to the normalized input of the MLP.
  func projectOutput(_ activations: LayerActivations) {
    backend.multiply(activations[.attended], by: weights.output, into: activations[.mlpInput])
    if let bias = weights.extras.outputBias { backend.add(bias: bias, toRowsOf: activations[.mlpInput]) }
    backend.rmsNorm(
      activations[.mlpInput], adding: activations[.attentionInput], weight: weights.mlpNorm,
      epsilon: epsilon, into: activations[.mlpNormed], scales: activations[.mlpScales])
  }

  /// From the normalized input of the MLP to its hidden features.
  func projectUp(_ activations: LayerActivations) {
    multiply(activations[.mlpNormed], by: weights.gateUp, into: activations[.gateUp])
    add(weights.extras.gateUpBiases, to: activations[.gateUp])
    activate(activations)
  }

  /// The hidden features of the MLP from gate and up.
  func activate(_ activations: LayerActivations) {
    backend.swiGLU(activations[.gateUp], into: activations[.hidden])
  }

  /// The branch that the MLP adds to the residual stream.
  func projectDown(_ activations: LayerActivations, into branch: Matrix) {
    backend.multiply(activations[.hidden], by: weights.down, into: branch)
    if let bias = weights.extras.downBias { backend.add(bias: bias, toRowsOf: branch) }
  }

  /// The projections of `fused`, or their gradients, apart.
  func split(_ fused: Matrix) -> ProjectionMatrices {
    ProjectionMatrices(
      fused: fused, layout: configuration.heads, hasLookahead: configuration.hasLookahead)
  }

  /// Applies rotary positions to the columns of `fused` that have them: all but v^C, and v^U only if
  /// configured.
  func rotate(_ fused: Matrix, positions: RotaryPositions, inverse: Bool) {
    let kvWidth = configuration.kvWidth
    let last = configuration.projectionWidth - kvWidth
    func turn(_ columns: Range<Int>) {
      backend.rotate(
        fused.columns(columns), headSize: configuration.heads.headSize, positions: positions.indices,
        table: positions.table, inverse: inverse)
    }
    if configuration.hasLookahead && !configuration.rotatesLookaheadValues {
      turn(0..<2 * kvWidth)
      turn(3 * kvWidth..<last)
    } else {
      turn(0..<last)
    }
  }

  /// The columns of q and of k in `fused`, or in what has these two alone side by side.
  func queriesAndKeys(_ fused: Matrix) -> (queries: Matrix, keys: Matrix) {
    let width = configuration.attentionWidth
    return (fused.columns(0..<width), fused.columns(width..<width + configuration.kvWidth))
  }

  /// Norms every head of queries and keys by itself, in models that do.
  private func normHeads(_ activations: LayerActivations) {
    guard let norms = weights.extras.headNorms else { return }
    let (plain, scales) = (activations[.plainHeads], activations[.headScales])
    let source = queriesAndKeys(plain)
    let target = queriesAndKeys(activations[.projections])
    backend.copy(activations[.projections].columns(0..<plain.columnCount), to: plain)
    let queryHeads = configuration.heads.queryHeads
    backend.rmsNormHeads(
      source.queries, weight: norms.query, epsilon: epsilon, into: target.queries,
      scales: scales.columns(0..<queryHeads))
    backend.rmsNormHeads(
      source.keys, weight: norms.key, epsilon: epsilon, into: target.keys,
      scales: scales.columns(queryHeads..<scales.columnCount))
  }

  private var epsilon: Float { Float(configuration.normEpsilon) }

  /// Adds biases that lie side by side.
  private func add(_ biases: [Matrix], to y: Matrix) {
    var start = 0
    for bias in biases {
      backend.add(bias: bias, toRowsOf: y.columns(start..<start + bias.count))
      start += bias.count
    }
  }

  /// The outputs of `weights` side by side.
  private func multiply(_ x: Matrix, by weights: [Weight], into y: Matrix) {
    var start = 0
    for weight in weights {
      backend.multiply(x, by: weight, into: y.columns(start..<start + weight.rowCount))
      start += weight.rowCount
    }
  }
}
