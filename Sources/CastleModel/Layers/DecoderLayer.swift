import CastleAttention
import CastleOperations
import CastleTensors

/// One layer of the decoder: attention and MLP, each behind a norm and with a residual around it.
///
/// The residual stream is never copied. A product writes the branch alone; the norm that follows adds the stream
/// so far to it, in the pass in which it normalises. So the output of a layer is a branch, whose residual is the
/// layer's ``LayerActivations/mlpInput``.
struct DecoderLayer {
  let backend: any Backend
  let configuration: ModelConfiguration
  let weights: LayerParameters
  /// Cosines and sines of all positions that occur.
  let rotaryTable: Matrix

  /// From the residual stream to the projections. If `residual` is given, the stream so far is a branch to which
  /// it is added first.
  func project(_ activations: LayerActivations, adding residual: Matrix?, positions: IndexMatrix) {
    backend.rmsNorm(
      activations.attentionInput, adding: residual, weight: weights.attentionNorm, epsilon: epsilon,
      into: activations.attentionNormed, scales: activations.attentionScales)
    product(activations.attentionNormed, weights.projections, into: activations.projections)
    rotate(activations.projections, positions: positions, inverse: false)
  }

  /// Attention over whole documents.
  func attend(_ activations: LayerActivations, documents: Documents) {
    backend.attention(
      split(activations.projections), mechanism: configuration.mechanism, documents: documents,
      output: activations.attended, logSumExp: activations.logSumExp,
      lookaheadKeys: activations.lookaheadKeys)
  }

  /// Attention of the next tokens of one sequence.
  func attend(_ activations: LayerActivations, cache: any AttentionCache) {
    backend.attention(split(activations.projections), appendingTo: cache, output: activations.attended)
  }

  /// From the output of attention to the hidden features of the MLP.
  func feed(_ activations: LayerActivations) {
    product(activations.attended, weights.output, into: activations.mlpInput)
    backend.rmsNorm(
      activations.mlpInput, adding: activations.attentionInput, weight: weights.mlpNorm, epsilon: epsilon,
      into: activations.mlpNormed, scales: activations.mlpScales)
    product(activations.mlpNormed, weights.gateUp, into: activations.gateUp)
    activate(activations)
  }

  /// The hidden features of the MLP from gate and up.
  func activate(_ activations: LayerActivations) {
    backend.swiGLU(activations.gateUp, into: activations.hidden)
  }

  /// The branch that the MLP adds to the residual stream.
  func finish(_ activations: LayerActivations, into branch: Matrix) {
    product(activations.hidden, weights.down, into: branch)
  }

  /// The projections of `fused`, or their gradients, apart.
  func split(_ fused: Matrix) -> ProjectionMatrices {
    ProjectionMatrices(
      fused: fused, layout: configuration.heads, hasLookahead: configuration.hasLookahead)
  }

  /// Turns all of `fused` that rotary positions concern: everything but v^C, and v^U if so configured.
  func rotate(_ fused: Matrix, positions: IndexMatrix, inverse: Bool) {
    let kvWidth = configuration.kvWidth
    let last = configuration.projectionWidth - kvWidth
    func turn(_ columns: Range<Int>) {
      backend.rotate(
        fused.columns(columns), headSize: configuration.heads.headSize, positions: positions,
        table: rotaryTable, inverse: inverse)
    }
    if configuration.hasLookahead && !configuration.rotatesLookaheadValues {
      turn(0..<2 * kvWidth)
      turn(3 * kvWidth..<last)
    } else {
      turn(0..<last)
    }
  }

  /// The layers of `model`, for sequences of up to `longest` tokens.
  static func all(of model: LanguageModel, longest: Int) -> [DecoderLayer] {
    let table = model.backend.rotaryTable(
      theta: model.configuration.rotaryTheta, headSize: model.configuration.heads.headSize,
      length: longest)
    return model.parameters.layers.map {
      DecoderLayer(
        backend: model.backend, configuration: model.configuration, weights: $0, rotaryTable: table)
    }
  }

  private var epsilon: Float { Float(configuration.normEpsilon) }

  /// y ← x Wᵀ.
  private func product(_ x: Matrix, _ weight: Matrix, into y: Matrix) {
    backend.multiply(x, transposed: false, weight, transposed: true, alpha: 1, beta: 0, into: y)
  }
}
