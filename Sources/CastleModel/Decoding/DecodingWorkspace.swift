import CastleOperations
import CastleTensors

/// The memory in which some tokens go through the layers, and nothing of a sequence's state.
final class DecodingWorkspace {
  let capacity: Int

  private let model: LanguageModel
  private let activations: LayerActivations
  private let normed: Matrix
  private let logitsRow: Matrix
  private let tokenIDs: IndexMatrix
  private let positionIDs: IndexMatrix
  private var hostPositions: [Int32]

  init(_ model: LanguageModel, capacity: Int) {
    let backend = model.backend
    let configuration = model.configuration
    self.model = model
    self.capacity = capacity
    activations = LayerActivations(configuration, tokenCount: capacity, backend: backend)
    normed = backend.allocate(Float.self, rowCount: capacity, columnCount: configuration.hiddenSize)
    logitsRow = backend.allocate(Float.self, rowCount: 1, columnCount: configuration.vocabularySize)
    tokenIDs = backend.allocate(Int32.self, rowCount: 1, columnCount: capacity)
    positionIDs = backend.allocate(Int32.self, rowCount: 1, columnCount: capacity)
    hostPositions = Array(repeating: 0, count: capacity)
  }

  /// The output of the last norm for `tokens`, the first of which stands at position `start`.
  func run(
    _ tokens: ArraySlice<Int32>, from start: Int, layers: [DecoderLayer], caches: [any AttentionCache]
  ) -> Matrix {
    let backend = model.backend
    let count = tokens.count
    let positions = load(tokens, from: start)
    let current = LayerActivations(activations, first: count)
    backend.embed(
      tokenIDs.columns(0..<count), table: model.parameters.embedding, into: current.attentionInput)
    var residual: Matrix?
    for (layer, cache) in zip(layers, caches) {
      layer.project(current, adding: residual, positions: positions)
      layer.attend(current, cache: cache)
      layer.feed(current)
      layer.finish(current, into: current.attentionInput)
      residual = current.mlpInput
    }
    let output = normed.rows(0..<count)
    backend.rmsNorm(
      current.attentionInput, adding: residual, weight: model.parameters.finalNorm,
      epsilon: Float(model.configuration.normEpsilon), into: output, scales: current.attentionScales)
    return output
  }

  /// The logits of one row of what ``run(_:from:layers:caches:)`` returned.
  func logits(_ normed: Matrix) -> Matrix {
    model.backend.multiply(
      normed, transposed: false, model.parameters.head, transposed: true, alpha: 1, beta: 0,
      into: logitsRow)
    return logitsRow
  }

  private func load(_ tokens: ArraySlice<Int32>, from start: Int) -> IndexMatrix {
    let positions = positionIDs.columns(0..<tokens.count)
    for index in 0..<tokens.count { hostPositions[index] = Int32(truncatingIfNeeded: start + index) }
    tokens.withUnsafeBufferPointer {
      model.backend.upload($0, to: tokenIDs.columns(0..<tokens.count))
    }
    hostPositions.withUnsafeBufferPointer {
      model.backend.upload(UnsafeBufferPointer(rebasing: $0[..<tokens.count]), to: positions)
    }
    return positions
  }
}
