import CastleAttention
import CastleOperations
import CastleTensors

/// One layer of the decoder: attention and MLP, each behind a norm and with a residual around it.
///
/// The residual stream is never copied. A product writes the branch alone; the norm that follows adds the stream
/// so far to it, in the pass in which it normalises. So the output of a layer is a branch, whose residual is the
/// layer's ``LayerActivation/mlpInput``.
struct DecoderLayer {
  let backend: any Backend
  let configuration: ModelConfiguration
  let weights: ModelWeights.Layer

  /// The layers of `model`.
  static func all(of model: LanguageModel) -> [DecoderLayer] {
    model.parameters.layers.map {
      DecoderLayer(backend: model.backend, configuration: model.configuration, weights: $0)
    }
  }

  /// From the residual stream to the projections of attention. If `residual` is given, the stream so far is a branch to
  /// which it is added first. `neighbours` say which keys and values come before those of the first tokens.
  func projectAttention(
    _ activations: LayerActivations, adding residual: Matrix?, positions: RotaryPositions,
    neighbours: ShiftNeighbours?
  ) {
    backend.rmsNorm(
      activations[.attentionInput], adding: residual, weight: weights.attentionNorm, epsilon: epsilon,
      into: activations[.attentionNormed], scales: activations[.attentionScales])
    multiply(activations[.attentionNormed], by: weights.projections, into: activations[.projections])
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

  /// Attention over whole documents.
  func attend(_ activations: LayerActivations, documents: Documents) {
    backend.attention(
      split(activations[.projections]), mechanism: configuration.mechanism, documents: documents,
      output: activations[.attended], logSumExp: activations[.logSumExp],
      lookaheadKeys: activations[ifPresent: .lookaheadKeys])
  }

  /// Attention of the next tokens of some sequences: document i goes on from `caches[i]`.
  func attend(_ activations: LayerActivations, documents: Documents, caches: [any AttentionCache]) {
    backend.attention(
      split(activations[.projections]), documents: documents, appendingTo: caches,
      output: activations[.attended])
  }

  /// From the output of attention to the normalised input of the MLP.
  func projectOutput(_ activations: LayerActivations) {
    backend.multiply(activations[.attended], by: weights.output, into: activations[.mlpInput])
    backend.rmsNorm(
      activations[.mlpInput], adding: activations[.attentionInput], weight: weights.mlpNorm,
      epsilon: epsilon, into: activations[.mlpNormed], scales: activations[.mlpScales])
  }

  /// From the normalised input of the MLP to its hidden features.
  func projectUp(_ activations: LayerActivations) {
    multiply(activations[.mlpNormed], by: weights.gateUp, into: activations[.gateUp])
    activate(activations)
  }

  /// The hidden features of the MLP from gate and up.
  func activate(_ activations: LayerActivations) {
    backend.swiGLU(activations[.gateUp], into: activations[.hidden])
  }

  /// The branch that the MLP adds to the residual stream.
  func projectDown(_ activations: LayerActivations, into branch: Matrix) {
    backend.multiply(activations[.hidden], by: weights.down, into: branch)
  }

  /// The projections of `fused`, or their gradients, apart.
  func split(_ fused: Matrix) -> ProjectionMatrices {
    ProjectionMatrices(
      fused: fused, layout: configuration.heads, hasLookahead: configuration.hasLookahead)
  }

  /// Turns all of `fused` that rotary positions concern: everything but v^C, and v^U if so configured.
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

  private var epsilon: Float { Float(configuration.normEpsilon) }

  /// The outputs of `weights` side by side.
  private func multiply(_ x: Matrix, by weights: [Weight], into y: Matrix) {
    var start = 0
    for weight in weights {
      backend.multiply(x, by: weight, into: y.columns(start..<start + weight.rowCount))
      start += weight.rowCount
    }
  }
}
