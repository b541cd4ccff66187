import CastleAttention
import CastleOperations
import CastleTensors

/// Gradients of activations that one layer after the other uses.
struct GradientWorkspace {
  /// The gradient of the residual stream, (N, hidden size).
  let stream: Matrix
  /// The gradient of a norm's output, (N, hidden size).
  let normed: Matrix
  /// (N, projection width).
  let projections: Matrix
  /// (N, attention width).
  let attended: Matrix
  /// (N, intermediate size).
  let hidden: Matrix

  /// New memory for `tokenCount` tokens.
  init(_ configuration: ModelConfiguration, tokenCount: Int, backend: any Backend) {
    func matrix(_ columns: Int) -> Matrix {
      backend.allocate(Float.self, rowCount: tokenCount, columnCount: columns)
    }
    stream = matrix(configuration.hiddenSize)
    normed = matrix(configuration.hiddenSize)
    projections = matrix(configuration.projectionWidth)
    attended = matrix(configuration.attentionWidth)
    hidden = matrix(configuration.intermediateSize)
  }

  /// The first `count` tokens of `whole`.
  init(_ whole: GradientWorkspace, first count: Int) {
    stream = whole.stream.rows(0..<count)
    normed = whole.normed.rows(0..<count)
    projections = whole.projections.rows(0..<count)
    attended = whole.attended.rows(0..<count)
    hidden = whole.hidden.rows(0..<count)
  }

  /// The number of numbers that ``init(_:tokenCount:backend:)`` allocates per token.
  static func countPerToken(_ configuration: ModelConfiguration) -> Int {
    2 * configuration.hiddenSize + configuration.projectionWidth + configuration.attentionWidth
      + configuration.intermediateSize
  }
}

extension DecoderLayer {
  /// Turns `workspace.stream` from the gradient of the layer's output into that of its input, and adds to the
  /// `gradients` of the parameters. The gate and up of `activations` and their lookahead keys are lost.
  func backward(
    _ activations: LayerActivations, positions: IndexMatrix, documents: Documents,
    gradients: LayerParameters, workspace: GradientWorkspace
  ) {
    backwardMLP(activations, gradients: gradients, workspace: workspace)
    backwardAttention(
      activations, positions: positions, documents: documents, gradients: gradients, workspace: workspace)
  }

  private func backwardMLP(
    _ activations: LayerActivations, gradients: LayerParameters, workspace: GradientWorkspace
  ) {
    backwardProduct(
      workspace.stream, input: activations.hidden, weight: weights.down, dInput: workspace.hidden,
      dWeight: gradients.down)
    backend.swiGLUBackward(workspace.hidden, gateUp: activations.gateUp, dGateUp: activations.gateUp)
    backwardProduct(
      activations.gateUp, input: activations.mlpNormed, weight: weights.gateUp, dInput: workspace.normed,
      dWeight: gradients.gateUp)
    backend.rmsNormBackward(
      workspace.normed, x: activations.mlpInput, weight: weights.mlpNorm, scales: activations.mlpScales,
      dx: workspace.stream, dWeight: gradients.mlpNorm)
  }

  private func backwardAttention(
    _ activations: LayerActivations, positions: IndexMatrix, documents: Documents,
    gradients: LayerParameters, workspace: GradientWorkspace
  ) {
    backwardProduct(
      workspace.stream, input: activations.attended, weight: weights.output, dInput: workspace.attended,
      dWeight: gradients.output)
    backend.attentionBackward(
      workspace.attended, split(activations.projections), mechanism: configuration.mechanism,
      documents: documents, output: activations.attended, logSumExp: activations.logSumExp,
      lookaheadKeys: activations.lookaheadKeys, gradients: split(workspace.projections))
    rotate(workspace.projections, positions: positions, inverse: true)
    backwardProduct(
      workspace.projections, input: activations.attentionNormed, weight: weights.projections,
      dInput: workspace.normed, dWeight: gradients.projections)
    backend.rmsNormBackward(
      workspace.normed, x: activations.attentionInput, weight: weights.attentionNorm,
      scales: activations.attentionScales, dx: workspace.stream, dWeight: gradients.attentionNorm)
  }

  /// The gradients of y = x Wᵀ: dX ← dY W and dW ← dW + dYᵀ X.
  private func backwardProduct(
    _ dOutput: Matrix, input: Matrix, weight: Matrix, dInput: Matrix, dWeight: Matrix
  ) {
    backend.multiply(
      dOutput, transposed: false, weight, transposed: false, alpha: 1, beta: 0, into: dInput)
    backend.multiply(dOutput, transposed: true, input, transposed: false, alpha: 1, beta: 1, into: dWeight)
  }
}
