import CastleAttention
import CastleOperations
import CastleTensors

/// The decoder applied to some tokens, whole documents or the next ones of some sequences, with all its
/// memory planned once.
final class ForwardPass {
  /// What stays in memory of each layer.
  enum Retention {
    /// Everything but the hidden features of the MLP, which a backward pass computes again from gate and up:
    /// they are as wide as three residual streams and cost one pass over memory.
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
  private let places: TokenPositions
  private let tokenIDs: IndexMatrix
  /// Attention among ranks that share the tokens; nil where this process has all of them.
  private let exchange: (any AttentionExchange)?
  /// The keys and values before each document of a run, if the model mixes them.
  private var previous: Matrix?

  /// The tokens of the present run, and the windows of ``activations`` on them.
  private var count = 0
  private var current: [LayerActivations] = []

  /// Memory for `capacity` tokens. Documents have at most `longest`; sequences that go on may grow longer.
  ///
  /// With an `exchange` they are this rank's share of the tokens.
  init(
    _ model: LanguageModel, capacity: Int, longest: Int = 0, retention: Retention,
    exchange: (any AttentionExchange)? = nil
  ) {
    let backend = model.backend
    let configuration = model.configuration
    self.model = model
    self.capacity = capacity
    self.retention = retention
    self.exchange = exchange
    layers = DecoderLayer.all(of: model)
    func stream() -> Matrix {
      backend.allocate(Float.self, rowCount: capacity, columnCount: configuration.hiddenSize)
    }
    let omitted = exchange?.sharing.omittedActivations ?? []
    let first = LayerActivations(
      configuration, tokenCount: capacity, backend: backend, leavingOut: omitted)
    let shared = [.hidden] + (exchange?.sharing.passingActivations ?? [])
    let further = layers.dropFirst()
    switch retention {
    case .all:
      activations =
        [first]
        + further.map { _ in
          LayerActivations(
            configuration, tokenCount: capacity, backend: backend, sharing: shared.map { ($0, first[$0]) },
            leavingOut: omitted)
        }
      finalInput = stream()
    case .streams:
      activations = [first] + further.map { _ in first.replacing(.attentionInput, with: stream()) }
      finalInput = stream()
    case .none:
      activations = [first] + further.map { _ in first }
      finalInput = first[.attentionInput]
    }
    finalNormed = stream()
    finalScales = backend.allocate(Float.self, rowCount: 1, columnCount: capacity)
    places = exchange?.places ?? TokenPositions(model, capacity: capacity, longest: longest)
    tokenIDs = backend.allocate(Int32.self, rowCount: 1, columnCount: capacity)
  }

  // MARK: Forward

  /// The tokens of `documents` whose rows a run has: all of them, or this rank's share.
  func ownTokens(of documents: Documents) -> [Range<Int>] {
    exchange?.ownTokens(of: documents) ?? [0..<documents.length]
  }

  /// Runs all layers on `ids`, which are whole `documents`.
  ///
  /// - Parameter observer: Sees the activations of each layer once its attention is computed.
  ///
  /// - Throws: ``InputError`` if an id is outside the vocabulary or a document is longer than the model
  ///   allows.
  func run(
    _ ids: [Int32], documents: Documents,
    observer: (_ layer: Int, _ activations: LayerActivations) -> Void = { _, _ in }
  ) throws {
    try model.check(tokens: ids)
    for document in documents.ranges { try model.check(length: document.count) }
    if let exchange {
      precondition(documents.length == ids.count, "documents must cover all tokens")
      exchange.begin(documents)
      load(ids.elements(in: exchange.ownTokens(of: documents)))
    } else {
      load(ids, documents: documents) { _ in 0 }
    }
    let neighbours = exchange == nil ? neighbours(of: documents) : nil
    try run { index, activations in
      try attend(index, activations, documents: documents, neighbours: neighbours)
      observer(index, activations)
    }
  }

  /// From the projections of layer `index` to the output of its attention, over whole documents.
  private func attend(
    _ index: Int, _ activations: LayerActivations, documents: Documents, neighbours: ShiftNeighbours?
  ) throws {
    if let exchange { return try exchange.attend(layer: index, activations) }
    layers[index].placeProjections(activations, positions: places.rotary, neighbours: neighbours)
    layers[index].attend(activations, documents: documents)
  }

  /// Runs all layers on `ids`: document i holds the next tokens of `sequences[i]`, whose caches grow.
  ///
  /// The ids must be of the vocabulary, and the sequences must have room for them.
  func run(_ ids: [Int32], documents: Documents, appendingTo sequences: [SequenceState]) {
    for (sequence, document) in zip(sequences, documents.ranges) {
      places.reserve(sequence.length + document.count)
    }
    load(ids, documents: documents) { sequences[$0].length }
    let positions = places.rotary
    run { index, activations in
      let neighbours = neighbours(of: documents, after: sequences, layer: index)
      layers[index].placeProjections(activations, positions: positions, neighbours: neighbours)
      layers[index].attend(activations, documents: documents, caches: sequences.map { $0.caches[index] })
      remember(activations, of: documents, in: sequences, layer: index)
    }
    for (sequence, document) in zip(sequences, documents.ranges) {
      sequence.length += document.count
      sequence.shift?.advance(to: sequence.length)
    }
  }

  /// The output of the last norm, (tokens, hidden size).
  var normed: Matrix { finalNormed.rows(0..<count) }

  /// Runs all layers; `attend` goes from the projections of one to the output of its attention.
  private func run(
    attend: (_ layer: Int, _ activations: LayerActivations) throws -> Void
  ) rethrows {
    let backend = model.backend
    backend.embed(tokens, table: model.parameters.embedding, into: current[0][.attentionInput])
    for (index, layer) in layers.enumerated() {
      let activations = current[index]
      layer.projectAttention(activations, adding: index == 0 ? nil : current[index - 1][.mlpInput])
      try attend(index, activations)
      layer.projectOutput(activations)
      layer.projectUp(activations)
      layer.projectDown(
        activations, into: index + 1 < layers.count ? current[index + 1][.attentionInput] : lastStream)
    }
    backend.rmsNorm(
      lastStream, adding: current[layers.count - 1][.mlpInput], weight: model.parameters.finalNorm,
      epsilon: Float(model.configuration.normEpsilon), into: normed,
      scales: finalScales.columns(0..<count))
  }

  // MARK: Backward

  /// The gradients of all parameters but the head, from that of ``normed`` in `workspace`, for the documents
  /// of the last run. The model must be one that can be trained. `finished` is told each layer whose matrices
  /// have their gradients.
  func backward(
    documents: Documents, gradients: ArenaParameters, workspace: GradientWorkspace,
    finished: (_ layer: Int) throws -> Void = { _ in }
  ) throws {
    precondition(retention != .none, "nothing was kept for a backward pass")
    let (backend, parameters) = (model.backend, model.arenaParameters)
    let neighbours = exchange == nil && retention == .streams ? neighbours(of: documents) : nil
    backend.fill(workspace[.stream], with: 0)
    backend.rmsNormBackward(
      workspace[.normed], x: lastStream, weight: parameters.finalNorm,
      scales: finalScales.columns(0..<count), dx: workspace[.stream], dWeight: gradients.finalNorm)
    for index in layers.indices.reversed() {
      let (layer, activations) = (layers[index], current[index])
      if index + 1 < layers.count {
        if retention == .streams {
          layer.projectAttention(activations, adding: nil)
          try attend(index, activations, documents: documents, neighbours: neighbours)
          layer.projectOutput(activations)
          layer.projectUp(activations)
        } else {
          layer.activate(activations)
        }
      }
      let (parameters, gradients) = (parameters.layers[index], gradients.layers[index])
      try layer.backward(
        activations, parameters: parameters, gradients: gradients, workspace: workspace
      ) {
        if let exchange {
          try exchange.backward(
            layer: index, activations, parameters: parameters, gradients: gradients, workspace: workspace)
        } else {
          layer.backwardAttention(
            activations, positions: places.rotary, documents: documents, parameters: parameters,
            gradients: gradients, workspace: workspace)
        }
      }
      try finished(index)
    }
    backend.embedBackward(workspace[.stream], tokens: tokens, dTable: gradients.embedding)
  }

  // MARK: Key/value shift

  /// What comes before `documents` that begin: nothing. Nil if the model mixes nothing.
  private func neighbours(of documents: Documents) -> ShiftNeighbours? {
    previousRows(documents.ranges.count).map { rows in
      model.backend.fill(rows, with: 0)
      return ShiftNeighbours(documents: documents, previous: rows)
    }
  }

  /// What comes before `documents` that go on from `sequences`, in `layer`.
  private func neighbours(
    of documents: Documents, after sequences: [SequenceState], layer: Int
  ) -> ShiftNeighbours? {
    previousRows(documents.ranges.count).map { rows in
      for (index, sequence) in sequences.enumerated() {
        if let shift = sequence.shift {
          model.backend.copy(shift.row(layer), to: rows.rows(index..<index + 1))
        }
      }
      return ShiftNeighbours(documents: documents, previous: rows)
    }
  }

  /// Lets the sequences remember the last keys and values of their documents.
  private func remember(
    _ activations: LayerActivations, of documents: Documents, in sequences: [SequenceState], layer: Int
  ) {
    guard let rows = activations[ifPresent: .unshifted] else { return }
    for (sequence, document) in zip(sequences, documents.ranges) where !document.isEmpty {
      guard let shift = sequence.shift else { continue }
      model.backend.copy(rows.rows(document.upperBound - 1..<document.upperBound), to: shift.row(layer))
    }
  }

  private func previousRows(_ count: Int) -> Matrix? {
    guard model.configuration.shiftsKeysAndValues else { return nil }
    if let previous, previous.rowCount >= count { return previous.rows(0..<count) }
    let rows = model.backend.allocate(
      Float.self, rowCount: count, columnCount: 2 * model.configuration.kvWidth)
    previous = rows
    return rows
  }

  // MARK: Tokens

  private var lastStream: Matrix { finalInput.rows(0..<count) }
  private var tokens: IndexMatrix { tokenIDs.columns(0..<count) }

  /// Takes in `ids`; `start` says at which position a document begins.
  private func load(_ ids: [Int32], documents: Documents, start: (_ document: Int) -> Int) {
    precondition(documents.length == ids.count, "documents must cover all tokens")
    load(ids)
    places.load(documents, start: start)
  }

  private func load(_ ids: [Int32]) {
    precondition(ids.count <= capacity, "more tokens than the pass has room for")
    resize(to: ids.count)
    tokenIDs.load(ids, on: model.backend)
  }

  private func resize(to count: Int) {
    guard count != self.count || current.isEmpty else { return }
    self.count = count
    switch (count == capacity, retention) {
    case (true, _): current = activations
    case (false, .none): current = Array(repeating: activations[0].first(count), count: layers.count)
    case (false, _): current = activations.map { $0.first(count) }
    }
  }
}
