import CastleAttention
import CastleOperations
import CastleTensors

extension DecoderLayer {
  /// Turns the stream of `workspace` from the gradient of the layer's output into that of its input, and adds
  /// to the `gradients` of the `parameters`. The gate and up of `activations` are lost.
  ///
  /// `attention` turns the gradient of attention's output in `workspace` into that of its projections, as
  /// they were before they had places in documents.
  func backward(
    _ activations: LayerActivations, parameters: ArenaParameters.Layer, gradients: ArenaParameters.Layer,
    workspace: GradientWorkspace, attention: () throws -> Void
  ) rethrows {
    backwardMLP(activations, parameters: parameters, gradients: gradients, workspace: workspace)
    backwardOutput(activations, parameters: parameters, gradients: gradients, workspace: workspace)
    try attention()
    backwardProjections(activations, parameters: parameters, gradients: gradients, workspace: workspace)
  }

  private func backwardMLP(
    _ activations: LayerActivations, parameters: ArenaParameters.Layer, gradients: ArenaParameters.Layer,
    workspace: GradientWorkspace
  ) {
    if let dBias = gradients.extras.downBias { backend.biasBackward(workspace[.stream], dBias: dBias) }
    backwardProduct(
      workspace[.stream], input: activations[.hidden], weight: parameters.down,
      dInput: workspace[.hidden], dWeight: gradients.down)
    backend.swiGLUBackward(
      workspace[.hidden], gateUp: activations[.gateUp], dGateUp: activations[.gateUp])
    for dBias in gradients.extras.gateUpBiases { backend.biasBackward(activations[.gateUp], dBias: dBias) }
    backwardProduct(
      activations[.gateUp], input: activations[.mlpNormed], weight: parameters.gateUp,
      dInput: workspace[.normed], dWeight: gradients.gateUp)
    backend.rmsNormBackward(
      workspace[.normed], x: activations[.mlpInput], weight: parameters.mlpNorm,
      scales: activations[.mlpScales], dx: workspace[.stream], dWeight: gradients.mlpNorm)
  }

  private func backwardOutput(
    _ activations: LayerActivations, parameters: ArenaParameters.Layer, gradients: ArenaParameters.Layer,
    workspace: GradientWorkspace
  ) {
    if let dBias = gradients.extras.outputBias { backend.biasBackward(workspace[.stream], dBias: dBias) }
    backwardProduct(
      workspace[.stream], input: activations[.attended], weight: parameters.output,
      dInput: workspace[.attended], dWeight: gradients.output)
  }

  /// The backward pass of ``attend(_:documents:)`` and ``placeProjections(_:positions:neighbours:)``. The
  /// lookahead keys are lost.
  func backwardAttention(
    _ activations: LayerActivations, positions: RotaryPositions, documents: Documents,
    parameters: ArenaParameters.Layer, gradients: ArenaParameters.Layer, workspace: GradientWorkspace
  ) {
    backwardScores(activations, positions: positions, documents: documents, workspace: workspace)
    if let shift = parameters.shift, let dShift = gradients.shift {
      backend.shiftBackward(
        workspace[.projections].columns(configuration.keyAndValueColumns), x: activations[.unshifted],
        weights: shift, documents: documents, dWeights: dShift)
    }
  }

  /// The backward pass of attention and rotary positions. The lookahead keys are lost.
  func backwardScores(
    _ activations: LayerActivations, positions: RotaryPositions, documents: Documents,
    workspace: GradientWorkspace
  ) {
    backend.attentionBackward(
      workspace[.attended], split(activations[.projections]), mechanism: mechanism,
      documents: documents, output: activations[.attended], logSumExp: activations[.logSumExp],
      lookaheadKeys: activations[ifPresent: .lookaheadKeys], gradients: split(workspace[.projections]))
    rotate(workspace[.projections], positions: positions, inverse: true)
  }

  private func backwardProjections(
    _ activations: LayerActivations, parameters: ArenaParameters.Layer, gradients: ArenaParameters.Layer,
    workspace: GradientWorkspace
  ) {
    normHeadsBackward(activations, gradients: gradients, workspace: workspace)
    for dBias in gradients.extras.projectionBiases {
      backend.biasBackward(workspace[.projections], dBias: dBias)
    }
    backwardProduct(
      workspace[.projections], input: activations[.attentionNormed], weight: parameters.projections,
      dInput: workspace[.normed], dWeight: gradients.projections)
    backend.rmsNormBackward(
      workspace[.normed], x: activations[.attentionInput], weight: parameters.attentionNorm,
      scales: activations[.attentionScales], dx: workspace[.stream], dWeight: gradients.attentionNorm)
  }

  /// Turns the gradients of normed queries and keys into those of the plain ones, in models with such norms.
  private func normHeadsBackward(
    _ activations: LayerActivations, gradients: ArenaParameters.Layer, workspace: GradientWorkspace
  ) {
    guard let norms = weights.extras.headNorms, let dNorms = gradients.extras.headNorms else { return }
    let source = queriesAndKeys(activations[.plainHeads])
    let target = queriesAndKeys(workspace[.projections])
    let (scales, queryHeads) = (activations[.headScales], configuration.heads.queryHeads)
    backend.rmsNormHeadsBackward(
      target.queries, x: source.queries, weight: norms.query, scales: scales.columns(0..<queryHeads),
      dx: target.queries, dWeight: dNorms.query)
    backend.rmsNormHeadsBackward(
      target.keys, x: source.keys, weight: norms.key, scales: scales.columns(queryHeads..<scales.columnCount),
      dx: target.keys, dWeight: dNorms.key)
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
