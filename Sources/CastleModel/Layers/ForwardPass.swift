import CastleAttention
import CastleOperations
import CastleTensors

/// The decoder applied to whole documents, with all its memory planned once.
final class ForwardPass {
  /// What stays in memory of each layer.
  enum Retention {
    /// Everything but the hidden features of the MLP, which a backward pass computes again from gate and up: they are
    /// as wide as three residual streams and cost one pass over memory.
    case all
    /// The residual stream; a backward pass computes the layer again.
    case streams
    /// Nothing.
    case none
  }

  let model: LanguageModel
  let capacity: Int

  private let layers: [DecoderLayer]
  private let retention: Retention
  private let activations: [LayerActivations]
  private let finalInput: Matrix
  private let finalScales: Matrix
  private let finalNormed: Matrix
  private let tokenIDs: IndexMatrix
  private let positionIDs: IndexMatrix
  private var hostPositions: [Int32]
  private var count = 0

  init(_ model: LanguageModel, capacity: Int, longest: Int, retention: Retention) {
    let backend = model.backend
    let configuration = model.configuration
    self.model = model
    self.capacity = capacity
    self.retention = retention
    layers = DecoderLayer.all(of: model, longest: longest)
    func stream() -> Matrix {
      backend.allocate(Float.self, rowCount: capacity, columnCount: configuration.hiddenSize)
    }
    func layer() -> LayerActivations {
      LayerActivations(configuration, tokenCount: capacity, backend: backend)
    }
    switch retention {
    case .all:
      let first = layer()
      activations = layers.indices.map {
        $0 == 0
          ? first
          : LayerActivations(
            configuration, tokenCount: capacity, backend: backend, sharedHidden: first.hidden)
      }
      finalInput = stream()
    case .streams:
      let shared = layer()
      activations = layers.indices.map {
        $0 == 0 ? shared : LayerActivations(shared, attentionInput: stream())
      }
      finalInput = stream()
    case .none:
      let shared = layer()
      activations = layers.map { _ in shared }
      finalInput = shared.attentionInput
    }
    finalNormed = stream()
    finalScales = backend.allocate(Float.self, rowCount: 1, columnCount: capacity)
    tokenIDs = backend.allocate(Int32.self, rowCount: 1, columnCount: capacity)
    positionIDs = backend.allocate(Int32.self, rowCount: 1, columnCount: capacity)
    hostPositions = Array(repeating: 0, count: capacity)
  }

  /// Runs all layers on `ids`, cut into `documents`.
  ///
  /// Throws an `InputError` if an id is outside the vocabulary or a document is longer than the model allows.
  func run(_ ids: [Int32], documents: Documents) throws {
    try load(ids, documents: documents)
    let backend = model.backend
    backend.embed(tokens, table: model.parameters.embedding, into: self[0].attentionInput)
    for index in layers.indices {
      let layer = layers[index]
      let current = self[index]
      layer.project(current, adding: index == 0 ? nil : self[index - 1].mlpInput, positions: positions)
      layer.attend(current, documents: documents)
      layer.feed(current)
      layer.finish(current, into: index + 1 < layers.count ? self[index + 1].attentionInput : lastStream)
    }
    backend.rmsNorm(
      lastStream, adding: self[layers.count - 1].mlpInput, weight: model.parameters.finalNorm,
      epsilon: Float(model.configuration.normEpsilon), into: normed,
      scales: finalScales.columns(0..<count))
  }

  /// The gradients of all parameters but the head, from that of ``normed`` in `workspace.normed`.
  func backward(documents: Documents, gradients: ModelParameters, workspace: GradientWorkspace) {
    precondition(retention != .none, "nothing was kept for a backward pass")
    let backend = model.backend
    backend.fill(workspace.stream, with: 0)
    backend.rmsNormBackward(
      workspace.normed, x: lastStream, weight: model.parameters.finalNorm,
      scales: finalScales.columns(0..<count), dx: workspace.stream, dWeight: gradients.finalNorm)
    for index in layers.indices.reversed() {
      let layer = layers[index]
      let current = self[index]
      if index + 1 < layers.count {
        if retention == .streams {
          layer.project(current, adding: nil, positions: positions)
          layer.attend(current, documents: documents)
          layer.feed(current)
        } else {
          layer.activate(current)
        }
      }
      layer.backward(
        current, positions: positions, documents: documents, gradients: gradients.layers[index],
        workspace: workspace)
    }
    backend.embedBackward(workspace.stream, tokens: tokens, dTable: gradients.embedding)
  }

  /// The output of the last norm, (tokens, hidden size).
  var normed: Matrix { finalNormed.rows(0..<count) }

  private var lastStream: Matrix { finalInput.rows(0..<count) }
  private var tokens: IndexMatrix { tokenIDs.columns(0..<count) }
  private var positions: IndexMatrix { positionIDs.columns(0..<count) }

  private subscript(index: Int) -> LayerActivations {
    count == capacity ? activations[index] : LayerActivations(activations[index], first: count)
  }

  private func load(_ ids: [Int32], documents: Documents) throws {
    precondition(ids.count <= capacity, "more tokens than the pass has room for")
    try model.check(tokens: ids)
    precondition(documents.length == ids.count, "documents must cover all tokens")
    for document in documents.ranges {
      try model.check(length: document.count)
      for index in document {
        hostPositions[index] = Int32(truncatingIfNeeded: index - document.lowerBound)
      }
    }
    count = ids.count
    ids.withUnsafeBufferPointer { model.backend.upload($0, to: tokens) }
    hostPositions.withUnsafeBufferPointer {
      model.backend.upload(UnsafeBufferPointer(rebasing: $0[..<count]), to: positions)
    }
  }
}
