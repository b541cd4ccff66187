import CastleTensors

/// The parameters of a layer that only some models have, or their gradients: biases, and norms of the heads
/// of queries and keys.
struct LayerExtras {
  /// The scales of the norms of query and key heads, (1, head size) each.
  var headNorms: (query: Matrix, key: Matrix)?
  /// The biases of the attention projections, side by side as these are; empty where there are none.
  var projectionBiases: [Matrix] = []
  /// (1, hidden size).
  var outputBias: Matrix?
  /// The biases of gate and up, side by side; empty where there are none.
  var gateUpBiases: [Matrix] = []
  /// (1, hidden size).
  var downBias: Matrix?

  /// The number of elements.
  var count: Int {
    let norms = headNorms.map { [$0.query, $0.key] } ?? []
    let biases = projectionBiases + gateUpBiases + [outputBias, downBias].compactMap { $0 }
    return (norms + biases).reduce(0) { $0 + $1.count }
  }
}
