public import CastleAttention
public import CastleTensors

/// A backend that passes on to another one whatever it does not do itself.
///
/// It is the way to bring up a new device operation by operation, and to watch or change single operations of
/// a backend. The two share memory: what one of them allocates, the other must be able to read. A backend
/// over host memory forwards to ``ReferenceBackend`` or ``CPUBackend``.
///
/// ```swift
/// final class CountingBackend: ForwardingBackend {
///   let inner: any Backend = CPUBackend(threads: 2)
///   private(set) var additions = 0
///
///   func add(_ x: Matrix, to y: Matrix) {
///     additions += 1
///     inner.add(x, to: y)
///   }
/// }
/// ```
public protocol ForwardingBackend: Backend {
  /// What does everything else.
  var inner: any Backend { get }
}

/// Every operation, passed on.
extension ForwardingBackend {
  /// That of ``inner``.
  public var summary: String { inner.summary }

  /// Waits for ``inner``.
  public func synchronize() { inner.synchronize() }

  // MARK: Memory

  /// Memory of ``inner``.
  public func allocate<Element>(
    _ type: Element.Type, rowCount: Int, columnCount: Int
  ) -> DeviceMatrix<Element> {
    inner.allocate(type, rowCount: rowCount, columnCount: columnCount)
  }

  /// Passed on to ``inner``.
  public func upload<Element>(_ source: UnsafeBufferPointer<Element>, to target: DeviceMatrix<Element>) {
    inner.upload(source, to: target)
  }

  /// Passed on to ``inner``.
  public func download<Element>(
    _ source: DeviceMatrix<Element>, to target: UnsafeMutableBufferPointer<Element>
  ) {
    inner.download(source, to: target)
  }

  // MARK: Elementwise

  /// Passed on to ``inner``.
  public func fill(_ x: Matrix, with value: Float) { inner.fill(x, with: value) }

  /// Passed on to ``inner``.
  public func copy(_ x: Matrix, to y: Matrix) { inner.copy(x, to: y) }

  /// Passed on to ``inner``.
  public func add(_ x: Matrix, to y: Matrix) { inner.add(x, to: y) }

  /// Passed on to ``inner``.
  public func add(bias: Matrix, toRowsOf y: Matrix) { inner.add(bias: bias, toRowsOf: y) }

  /// Passed on to ``inner``.
  public func biasBackward(_ dy: Matrix, dBias: Matrix) { inner.biasBackward(dy, dBias: dBias) }

  // MARK: Products

  /// Passed on to ``inner``.
  public func multiply(
    _ a: Matrix, transposed transposeA: Bool, _ b: Matrix, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Matrix
  ) {
    inner.multiply(a, transposed: transposeA, b, transposed: transposeB, alpha: alpha, beta: beta, into: c)
  }

  /// Passed on to ``inner``.
  public func multiply(_ x: Matrix, by weight: Weight, into y: Matrix) {
    inner.multiply(x, by: weight, into: y)
  }

  /// Passed on to ``inner``.
  public func shift(
    _ x: Matrix, weights: Matrix, documents: Documents, previous: Matrix, into y: Matrix
  ) {
    inner.shift(x, weights: weights, documents: documents, previous: previous, into: y)
  }

  /// Passed on to ``inner``.
  public func shiftBackward(
    _ dy: Matrix, x: Matrix, weights: Matrix, documents: Documents, dWeights: Matrix
  ) {
    inner.shiftBackward(dy, x: x, weights: weights, documents: documents, dWeights: dWeights)
  }

  /// That of ``inner``.
  public var independentRows: Int { inner.independentRows }

  /// That of ``inner``.
  public func independentRows(of weight: Weight) -> Int { inner.independentRows(of: weight) }

  // MARK: Embedding

  /// Passed on to ``inner``.
  public func embed(_ tokens: IndexMatrix, table: Weight, into y: Matrix) {
    inner.embed(tokens, table: table, into: y)
  }

  /// Passed on to ``inner``.
  public func embedBackward(_ dy: Matrix, tokens: IndexMatrix, dTable: Matrix) {
    inner.embedBackward(dy, tokens: tokens, dTable: dTable)
  }

  // MARK: Layers

  /// Passed on to ``inner``.
  public func rmsNorm(
    _ x: Matrix, adding residual: Matrix?, weight: Matrix, epsilon: Float, into y: Matrix, scales: Matrix
  ) {
    inner.rmsNorm(x, adding: residual, weight: weight, epsilon: epsilon, into: y, scales: scales)
  }

  /// Passed on to ``inner``.
  public func rmsNormBackward(
    _ dy: Matrix, x: Matrix, weight: Matrix, scales: Matrix, dx: Matrix, dWeight: Matrix
  ) {
    inner.rmsNormBackward(dy, x: x, weight: weight, scales: scales, dx: dx, dWeight: dWeight)
  }

  /// Passed on to ``inner``.
  public func rmsNormHeads(_ x: Matrix, weight: Matrix, epsilon: Float, into y: Matrix, scales: Matrix) {
    inner.rmsNormHeads(x, weight: weight, epsilon: epsilon, into: y, scales: scales)
  }

  /// Passed on to ``inner``.
  public func rmsNormHeadsBackward(
    _ dy: Matrix, x: Matrix, weight: Matrix, scales: Matrix, dx: Matrix, dWeight: Matrix
  ) {
    inner.rmsNormHeadsBackward(dy, x: x, weight: weight, scales: scales, dx: dx, dWeight: dWeight)
  }

  /// Passed on to ``inner``.
  public func rotate(_ x: Matrix, headSize: Int, positions: IndexMatrix, table: Matrix, inverse: Bool) {
    inner.rotate(x, headSize: headSize, positions: positions, table: table, inverse: inverse)
  }

  /// Passed on to ``inner``.
  public func rotaryTable(frequencies: [Double], magnitude: Double, length: Int) -> Matrix {
    inner.rotaryTable(frequencies: frequencies, magnitude: magnitude, length: length)
  }

  /// Passed on to ``inner``.
  public func swiGLU(_ gateUp: Matrix, into y: Matrix) { inner.swiGLU(gateUp, into: y) }

  /// Passed on to ``inner``.
  public func swiGLUBackward(_ dy: Matrix, gateUp: Matrix, dGateUp: Matrix) {
    inner.swiGLUBackward(dy, gateUp: gateUp, dGateUp: dGateUp)
  }

  // MARK: Attention

  /// Passed on to ``inner``.
  public func attention(
    _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?
  ) {
    inner.attention(
      projections, mechanism: mechanism, documents: documents, output: output, logSumExp: logSumExp,
      lookaheadKeys: lookaheadKeys)
  }

  /// Passed on to ``inner``.
  public func attentionBackward(
    _ dOutput: Matrix, _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?, gradients: ProjectionMatrices
  ) {
    inner.attentionBackward(
      dOutput, projections, mechanism: mechanism, documents: documents, output: output,
      logSumExp: logSumExp, lookaheadKeys: lookaheadKeys, gradients: gradients)
  }

  /// A cache of ``inner``.
  public func makeAttentionCache(
    _ layout: HeadLayout, mechanism: Mechanism, capacity: Int
  ) -> any AttentionCache {
    inner.makeAttentionCache(layout, mechanism: mechanism, capacity: capacity)
  }

  /// Passed on to ``inner``.
  public func attention(
    _ projections: ProjectionMatrices, documents: Documents, appendingTo caches: [any AttentionCache],
    output: Matrix
  ) {
    inner.attention(projections, documents: documents, appendingTo: caches, output: output)
  }

  // MARK: Loss

  /// Passed on to ``inner``.
  public func crossEntropy(
    _ logits: Matrix, targets: IndexMatrix, gradientScale: Float, losses: Matrix
  ) -> DeviceScalar {
    inner.crossEntropy(logits, targets: targets, gradientScale: gradientScale, losses: losses)
  }

  /// Passed on to ``inner``.
  public func crossEntropy(_ logits: Matrix, targets: IndexMatrix, losses: Matrix) -> DeviceScalar {
    inner.crossEntropy(logits, targets: targets, losses: losses)
  }

  // MARK: Optimizer and reductions

  /// Passed on to ``inner``.
  public func sumOfSquares(_ x: Matrix) -> DeviceScalar { inner.sumOfSquares(x) }

  /// Passed on to ``inner``.
  public func adamW(
    _ weights: Matrix, gradients: Matrix, firstMoments: Matrix, secondMoments: Matrix, step: AdamWStep
  ) {
    inner.adamW(
      weights, gradients: gradients, firstMoments: firstMoments, secondMoments: secondMoments, step: step)
  }
}
