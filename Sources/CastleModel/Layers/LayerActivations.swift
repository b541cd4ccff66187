import CastleOperations
import CastleTensors

/// What one layer computes for a number of tokens, N, and what its backward pass reads.
struct LayerActivations {
  /// The residual stream before attention, (N, hidden size).
  let attentionInput: Matrix
  /// 1 / rms of each row of ``attentionInput``, (1, N).
  let attentionScales: Matrix
  /// The normalised input of the projections, (N, hidden size).
  let attentionNormed: Matrix
  /// The projections, turned by their positions, (N, projection width).
  let projections: Matrix
  /// The output of attention, (N, attention width).
  let attended: Matrix
  /// (query heads, N).
  let logSumExp: Matrix
  /// (N, key width); nil for causal attention.
  let lookaheadKeys: Matrix?
  /// The residual stream before the MLP, (N, hidden size).
  let mlpInput: Matrix
  /// 1 / rms of each row of ``mlpInput``, (1, N).
  let mlpScales: Matrix
  /// The normalised input of the MLP, (N, hidden size).
  let mlpNormed: Matrix
  /// Gate and up side by side, (N, 2 · intermediate size).
  let gateUp: Matrix
  /// SiLU(gate) · up, (N, intermediate size).
  let hidden: Matrix

  /// New memory for `tokenCount` tokens; ``hidden`` is in the memory of `sharedHidden`, if given.
  init(
    _ configuration: ModelConfiguration, tokenCount: Int, backend: any Backend, sharedHidden: Matrix? = nil
  ) {
    func matrix(_ rows: Int, _ columns: Int) -> Matrix {
      backend.allocate(Float.self, rowCount: rows, columnCount: columns)
    }
    attentionInput = matrix(tokenCount, configuration.hiddenSize)
    attentionScales = matrix(1, tokenCount)
    attentionNormed = matrix(tokenCount, configuration.hiddenSize)
    projections = matrix(tokenCount, configuration.projectionWidth)
    attended = matrix(tokenCount, configuration.attentionWidth)
    logSumExp = matrix(configuration.heads.queryHeads, tokenCount)
    lookaheadKeys = configuration.hasLookahead ? matrix(tokenCount, configuration.kvWidth) : nil
    mlpInput = matrix(tokenCount, configuration.hiddenSize)
    mlpScales = matrix(1, tokenCount)
    mlpNormed = matrix(tokenCount, configuration.hiddenSize)
    gateUp = matrix(tokenCount, 2 * configuration.intermediateSize)
    hidden = sharedHidden ?? matrix(tokenCount, configuration.intermediateSize)
  }

  /// The first `count` tokens of `whole`.
  init(_ whole: LayerActivations, first count: Int) {
    attentionInput = whole.attentionInput.rows(0..<count)
    attentionScales = whole.attentionScales.columns(0..<count)
    attentionNormed = whole.attentionNormed.rows(0..<count)
    projections = whole.projections.rows(0..<count)
    attended = whole.attended.rows(0..<count)
    logSumExp = whole.logSumExp.columns(0..<count)
    lookaheadKeys = whole.lookaheadKeys?.rows(0..<count)
    mlpInput = whole.mlpInput.rows(0..<count)
    mlpScales = whole.mlpScales.columns(0..<count)
    mlpNormed = whole.mlpNormed.rows(0..<count)
    gateUp = whole.gateUp.rows(0..<count)
    hidden = whole.hidden.rows(0..<count)
  }

  /// The memory of `whole` with another residual stream.
  init(_ whole: LayerActivations, attentionInput: Matrix) {
    self.attentionInput = attentionInput
    attentionScales = whole.attentionScales
    attentionNormed = whole.attentionNormed
    projections = whole.projections
    attended = whole.attended
    logSumExp = whole.logSumExp
    lookaheadKeys = whole.lookaheadKeys
    mlpInput = whole.mlpInput
    mlpScales = whole.mlpScales
    mlpNormed = whole.mlpNormed
    gateUp = whole.gateUp
    hidden = whole.hidden
  }

  /// The number of numbers per token that ``init(_:tokenCount:backend:sharedHidden:)`` allocates, ``hidden`` included.
  static func countPerToken(_ configuration: ModelConfiguration) -> Int {
    4 * configuration.hiddenSize + configuration.projectionWidth + configuration.attentionWidth
      + configuration.heads.queryHeads + 2 + 3 * configuration.intermediateSize
      + (configuration.hasLookahead ? configuration.kvWidth : 0)
  }
}
