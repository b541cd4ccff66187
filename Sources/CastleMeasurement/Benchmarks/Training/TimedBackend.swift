package import CastleAttention
package import CastleModel
package import CastleOperations
package import CastleTensors

/// A backend that passes every operation on to another one and, when asked to, notes how long it took and
/// which part of a training step it belongs to.
///
/// The other backend is not changed, and nothing in it is timed: a call that is noted waits for the device
/// before and after, and costs two readings of the clock more than one that is not. One thread of control, as
/// with every backend.
package final class TimedBackend: ForwardingBackend {
  /// What computes.
  package let inner: any Backend
  /// Whether operations are noted.
  package var isTiming = false

  private(set) var times: [PartTime.Key: PartTime] = [:]
  private var parameters: ParameterPlaces?
  private var isBackward = false
  private let clock = ContinuousClock()

  package init(_ inner: any Backend) { self.inner = inner }

  /// Lets products be told apart by the parameters that they read or whose gradients they make.
  package func learnParameters(of model: LanguageModel, gradients: Matrix) {
    parameters = ParameterPlaces(layout: model.layout, weights: model.weights, gradients: gradients)
  }

  /// The times since the last call.
  package func takeTimes() -> [PartTime.Key: PartTime] {
    defer { times = [:] }
    return times
  }

  /// Calls `body` and notes its time.
  package func measure<Result>(
    _ part: StepPart, _ phase: StepPhase, operations: Double = 0, bytes: Int = 0,
    _ body: () throws -> Result
  ) rethrows -> Result {
    guard isTiming else { return try body() }
    inner.synchronize()
    let start = clock.now
    let result = try body()
    inner.synchronize()
    let seconds = (clock.now - start) / .seconds(1)
    var time = times[.init(part: part, phase: phase), default: PartTime()]
    time.seconds += seconds
    time.operations += operations
    time.bytes += Double(bytes)
    times[.init(part: part, phase: phase)] = time
    return result
  }

  /// The phase of an operation of the forward pass.
  private var forward: StepPhase { isBackward ? .recomputation : .forward }

  // MARK: Memory

  package func upload<Element>(_ source: UnsafeBufferPointer<Element>, to target: DeviceMatrix<Element>) {
    measure(.data, .forward, bytes: 2 * target.byteCount) { inner.upload(source, to: target) }
  }

  package func download<Element>(
    _ source: DeviceMatrix<Element>, to target: UnsafeMutableBufferPointer<Element>
  ) {
    measure(.data, .forward, bytes: 2 * source.byteCount) { inner.download(source, to: target) }
  }

  // MARK: Elementwise

  package func fill(_ x: Matrix, with value: Float) {
    measure(.clearing, .update, bytes: x.byteCount) { inner.fill(x, with: value) }
  }

  package func copy(_ x: Matrix, to y: Matrix) {
    measure(.unknown, forward, bytes: 2 * x.byteCount) { inner.copy(x, to: y) }
  }

  package func add(_ x: Matrix, to y: Matrix) {
    measure(.unknown, forward, bytes: 3 * x.byteCount) { inner.add(x, to: y) }
  }

  // MARK: Products

  package func multiply(
    _ a: Matrix, transposed transposeA: Bool, _ b: Matrix, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Matrix
  ) {
    let part = parameters?.part(ofGradient: c) ?? parameters?.part(ofWeight: b) ?? .unknown
    let depth = transposeA ? a.rowCount : a.columnCount
    measure(part, .backward, operations: 2 * Double(c.count) * Double(depth)) {
      inner.multiply(
        a, transposed: transposeA, b, transposed: transposeB, alpha: alpha, beta: beta, into: c)
    }
  }

  package func multiply(_ x: Matrix, by weight: Weight, into y: Matrix) {
    let part = parameters?.part(ofWeight: weight) ?? .unknown
    measure(part, forward, operations: 2 * Double(y.count) * Double(weight.columnCount)) {
      inner.multiply(x, by: weight, into: y)
    }
  }

  // MARK: Embedding

  package func embed(_ tokens: IndexMatrix, table: Weight, into y: Matrix) {
    isBackward = false
    measure(.embedding, .forward, bytes: 2 * y.byteCount) { inner.embed(tokens, table: table, into: y) }
  }

  package func embedBackward(_ dy: Matrix, tokens: IndexMatrix, dTable: Matrix) {
    measure(.embedding, .backward, bytes: 3 * dy.byteCount) {
      inner.embedBackward(dy, tokens: tokens, dTable: dTable)
    }
  }

  // MARK: Normalization

  package func rmsNorm(
    _ x: Matrix, adding residual: Matrix?, weight: Matrix, epsilon: Float, into y: Matrix, scales: Matrix
  ) {
    measure(.norms, forward, bytes: (residual == nil ? 2 : 4) * x.byteCount) {
      inner.rmsNorm(x, adding: residual, weight: weight, epsilon: epsilon, into: y, scales: scales)
    }
  }

  package func rmsNormBackward(
    _ dy: Matrix, x: Matrix, weight: Matrix, scales: Matrix, dx: Matrix, dWeight: Matrix
  ) {
    isBackward = true
    measure(.norms, .backward, bytes: 4 * x.byteCount) {
      inner.rmsNormBackward(dy, x: x, weight: weight, scales: scales, dx: dx, dWeight: dWeight)
    }
  }

  // MARK: Rotary positions

  package func rotate(_ x: Matrix, headSize: Int, positions: IndexMatrix, table: Matrix, inverse: Bool) {
    measure(.rotary, inverse ? .backward : forward, bytes: 2 * x.byteCount) {
      inner.rotate(x, headSize: headSize, positions: positions, table: table, inverse: inverse)
    }
  }

  // MARK: SwiGLU

  package func swiGLU(_ gateUp: Matrix, into y: Matrix) {
    measure(.swiGLU, forward, bytes: gateUp.byteCount + y.byteCount) { inner.swiGLU(gateUp, into: y) }
  }

  package func swiGLUBackward(_ dy: Matrix, gateUp: Matrix, dGateUp: Matrix) {
    measure(.swiGLU, .backward, bytes: dy.byteCount + 2 * gateUp.byteCount) {
      inner.swiGLUBackward(dy, gateUp: gateUp, dGateUp: dGateUp)
    }
  }

  // MARK: Attention

  package func attention(
    _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?
  ) {
    let operations = work(projections, mechanism, documents).reduce(0) { $0 + $1.forwardOperations }
    measure(.attention, forward, operations: operations) {
      inner.attention(
        projections, mechanism: mechanism, documents: documents, output: output, logSumExp: logSumExp,
        lookaheadKeys: lookaheadKeys)
    }
  }

  package func attentionBackward(
    _ dOutput: Matrix, _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?, gradients: ProjectionMatrices
  ) {
    let operations = work(projections, mechanism, documents).reduce(0) { $0 + $1.backwardOperations }
    measure(.attention, .backward, operations: operations) {
      inner.attentionBackward(
        dOutput, projections, mechanism: mechanism, documents: documents, output: output,
        logSumExp: logSumExp, lookaheadKeys: lookaheadKeys, gradients: gradients)
    }
  }

  private func work(
    _ projections: ProjectionMatrices, _ mechanism: Mechanism, _ documents: Documents
  ) -> [AttentionWork] {
    documents.ranges.map {
      AttentionWork(
        mechanism: mechanism, heads: projections.layout.queryHeads, length: $0.count,
        headSize: projections.layout.headSize)
    }
  }

  // MARK: Loss

  package func crossEntropy(
    _ logits: Matrix, targets: IndexMatrix, gradientScale: Float, losses: Matrix
  ) -> DeviceScalar {
    measure(.loss, .forward, bytes: 2 * logits.byteCount) {
      inner.crossEntropy(logits, targets: targets, gradientScale: gradientScale, losses: losses)
    }
  }

  package func crossEntropy(_ logits: Matrix, targets: IndexMatrix, losses: Matrix) -> DeviceScalar {
    measure(.loss, .forward, bytes: logits.byteCount) {
      inner.crossEntropy(logits, targets: targets, losses: losses)
    }
  }

  // MARK: Optimizer and reductions

  package func sumOfSquares(_ x: Matrix) -> DeviceScalar {
    measure(.gradientNorm, .update, bytes: x.byteCount) { inner.sumOfSquares(x) }
  }

  package func adamW(
    _ weights: Matrix, gradients: Matrix, firstMoments: Matrix, secondMoments: Matrix, step: AdamWStep
  ) {
    measure(.optimizer, .update, bytes: 7 * weights.byteCount) {
      inner.adamW(
        weights, gradients: gradients, firstMoments: firstMoments, secondMoments: secondMoments, step: step)
    }
  }
}

/// Which part of a step a product belongs to, by where its operands are.
private struct ParameterPlaces {
  let layout: ParameterLayout
  let weights: Matrix
  let gradients: Matrix

  func part(ofWeight matrix: Matrix) -> StepPart? { part(of: matrix, in: weights) }

  func part(ofWeight weight: Weight) -> StepPart? {
    switch weight {
    case .float32(let matrix): part(ofWeight: matrix)
    case .packed: nil
    }
  }

  func part(ofGradient matrix: Matrix) -> StepPart? { part(of: matrix, in: gradients) }

  private func part(of matrix: Matrix, in arena: Matrix) -> StepPart? {
    guard matrix.buffer === arena.buffer else { return nil }
    let offset = matrix.offset - arena.offset
    guard let entry = layout.entries.first(where: { $0.range.contains(offset) }) else { return nil }
    if entry.name.contains(".self_attn.") { return .projections }
    return entry.name.contains(".mlp.") ? .mlpProducts : .head
  }
}

extension DeviceMatrix {
  fileprivate var byteCount: Int { count * MemoryLayout<Element>.stride }
}
