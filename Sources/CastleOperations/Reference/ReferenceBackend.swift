public import CastleAttention
public import CastleTensors
public import RealModule

/// The operations as they are defined, computed in `Scalar` on one thread: what a whole model on another
/// backend can be compared with.
///
/// Matrices hold single precision, as on every backend; each operation converts what it reads, computes in
/// `Scalar` by ``ReferenceOperations`` or `ReferenceAttention`, and rounds what it writes. Slow on purpose.
public final class ReferenceBackend<Scalar: Real & BinaryFloatingPoint & Sendable>: Backend {
  /// A backend; it has no state.
  public init() {}

  /// One line for logs.
  public var summary: String { "reference operations in \(Scalar.self), 1 thread" }

  // MARK: Memory

  /// New host memory without a value.
  public func allocate<Element>(
    _ type: Element.Type, rowCount: Int, columnCount: Int
  ) -> DeviceMatrix<Element> {
    let buffer = Buffer.host(byteCount: rowCount * columnCount * MemoryLayout<Element>.stride)
    return DeviceMatrix(buffer: buffer, rowCount: rowCount, columnCount: columnCount)
  }

  /// Copies numbers from the host. Traps if the counts differ.
  public func upload<Element>(_ source: UnsafeBufferPointer<Element>, to target: DeviceMatrix<Element>) {
    precondition(source.count == target.count, "upload of \(source.count) elements to \(target.count)")
    target.write(source)
  }

  /// Copies numbers to the host, row by row. Traps if the counts differ.
  public func download<Element>(
    _ source: DeviceMatrix<Element>, to target: UnsafeMutableBufferPointer<Element>
  ) {
    precondition(source.count == target.count, "download of \(source.count) elements to \(target.count)")
    for (index, element) in source.elements.enumerated() { target[index] = element }
  }

  // MARK: Elementwise

  /// x ← value.
  public func fill(_ x: Matrix, with value: Float) {
    x.write(Array(repeating: value, count: x.count))
  }

  /// y ← x.
  public func copy(_ x: Matrix, to y: Matrix) { y.write(x.elements) }

  /// y ← y + x.
  public func add(_ x: Matrix, to y: Matrix) { add(numbers(x), to: y) }

  /// y ← y + x.
  private func add(_ x: [Scalar], to y: Matrix) { store(zip(x, numbers(y)).map { $0 + $1 }, in: y) }

  /// Each row of y ← that row + bias.
  public func add(bias: Matrix, toRowsOf y: Matrix) {
    store(ReferenceOperations.add(bias: numbers(bias), toRowsOf: numbers(y)), in: y)
  }

  /// Adds the sum of the rows of `dy` to `dBias`.
  public func biasBackward(_ dy: Matrix, dBias: Matrix) {
    add(ReferenceOperations.biasBackward(numbers(dy), columns: dy.columnCount), to: dBias)
  }

  // MARK: Matrix product

  /// c ← α · op(a) · op(b) + β · c.
  public func multiply(
    _ a: Matrix, transposed transposeA: Bool, _ b: Matrix, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Matrix
  ) {
    let result = ReferenceOperations.product(
      numbers(a), transposed: transposeA, numbers(b), transposed: transposeB, rows: c.rowCount,
      columns: c.columnCount, depth: transposeA ? a.rowCount : a.columnCount, alpha: Scalar(alpha),
      beta: Scalar(beta), beta == 0 ? [] : numbers(c))
    store(result, in: c)
  }

  /// Any number: a sum is the same whatever else is computed.
  public var independentRows: Int { .max }

  // MARK: Embedding

  /// Adds row i of `dy` to row `tokens[i]` of `dTable`.
  public func embedBackward(_ dy: Matrix, tokens: IndexMatrix, dTable: Matrix) {
    add(
      ReferenceOperations.embedBackward(
        numbers(dy), tokens: indices(tokens), rows: dTable.rowCount, columns: dTable.columnCount),
      to: dTable)
  }

  // MARK: Layers

  /// y ← x / rms(x) · weight, row by row; see ``Backend``.
  public func rmsNorm(
    _ x: Matrix, adding residual: Matrix?, weight: Matrix, epsilon: Float, into y: Matrix, scales: Matrix
  ) {
    if let residual { add(residual, to: x) }
    let result = ReferenceOperations.rmsNorm(numbers(x), weight: numbers(weight), epsilon: Scalar(epsilon))
    store(result.y, in: y)
    store(result.scales, in: scales)
  }

  /// **Adds** to `dx` and `dWeight`; see ``Backend``. `scales` = 1 / √(mean(x²) + epsilon) gives epsilon.
  public func rmsNormBackward(
    _ dy: Matrix, x: Matrix, weight: Matrix, scales: Matrix, dx: Matrix, dWeight: Matrix
  ) {
    let sum = normBackward(numbers(dy), x: numbers(x), weight: numbers(weight), scales: numbers(scales))
    add(sum.dx, to: dx)
    add(sum.dWeight, to: dWeight)
  }

  /// The norm of every head of `x` by itself; see ``Backend``.
  public func rmsNormHeads(_ x: Matrix, weight: Matrix, epsilon: Float, into y: Matrix, scales: Matrix) {
    let result = ReferenceOperations.rmsNorm(numbers(x), weight: numbers(weight), epsilon: Scalar(epsilon))
    store(result.y, in: y)
    store(result.scales, in: scales)
  }

  /// Overwrites `dx`, which may be `dy`, and adds to `dWeight`; see ``Backend``.
  public func rmsNormHeadsBackward(
    _ dy: Matrix, x: Matrix, weight: Matrix, scales: Matrix, dx: Matrix, dWeight: Matrix
  ) {
    let sum = normBackward(numbers(dy), x: numbers(x), weight: numbers(weight), scales: numbers(scales))
    store(sum.dx, in: dx)
    add(sum.dWeight, to: dWeight)
  }

  private func normBackward(
    _ dy: [Scalar], x: [Scalar], weight: [Scalar], scales: [Scalar]
  ) -> (dx: [Scalar], dWeight: [Scalar]) {
    let columns = weight.count
    var sum = (dx: [Scalar](), dWeight: [Scalar](repeating: 0, count: columns))
    for row in scales.indices {
      let elements = row * columns..<(row + 1) * columns
      let square = ReferenceOperations.sumOfSquares(Array(x[elements])) / Scalar(columns)
      let result = ReferenceOperations.rmsNormBackward(
        Array(dy[elements]), x: Array(x[elements]), weight: weight,
        epsilon: 1 / (scales[row] * scales[row]) - square)
      sum.dx += result.dx
      for column in 0..<columns { sum.dWeight[column] += result.dWeight[column] }
    }
    return sum
  }

  /// Cosines and sines for positions `0..<length`.
  public func rotaryTable(frequencies: [Double], magnitude: Double, length: Int) -> Matrix {
    let table = allocate(Float.self, rowCount: length, columnCount: 2 * frequencies.count)
    store(
      ReferenceOperations.rotaryTable(
        frequencies: frequencies.map { Scalar($0) }, magnitude: Scalar(magnitude), length: length),
      in: table)
    return table
  }

  /// Turns every head of `x` by its token's position; see ``Backend``.
  public func rotate(_ x: Matrix, headSize: Int, positions: IndexMatrix, table: Matrix, inverse: Bool) {
    store(
      ReferenceOperations.rotate(
        numbers(x), headSize: headSize, positions: indices(positions), table: numbers(table),
        inverse: inverse),
      in: x)
  }

  /// Mixes each row with the one before it; see ``Backend``.
  public func shift(
    _ x: Matrix, weights: Matrix, documents: Documents, previous: Matrix, into y: Matrix
  ) {
    store(
      ReferenceOperations.shift(
        numbers(x), weights: numbers(weights), heads: weights.columnCount,
        lengths: documents.ranges.map(\.count), previous: numbers(previous)), in: y)
  }

  /// Turns `dy` into the gradient of x, and **adds** to `dWeights`; see ``Backend``.
  public func shiftBackward(
    _ dy: Matrix, x: Matrix, weights: Matrix, documents: Documents, dWeights: Matrix
  ) {
    let result = ReferenceOperations.shiftBackward(
      numbers(dy), x: numbers(x), weights: numbers(weights), heads: weights.columnCount,
      lengths: documents.ranges.map(\.count))
    store(result.dx, in: dy)
    add(result.dWeights, to: dWeights)
  }

  /// y ← SiLU(gate) · up.
  public func swiGLU(_ gateUp: Matrix, into y: Matrix) {
    store(ReferenceOperations.swiGLU(numbers(gateUp), hidden: y.columnCount), in: y)
  }

  /// `dGateUp` ← the gradient of `gateUp`, which it may be.
  public func swiGLUBackward(_ dy: Matrix, gateUp: Matrix, dGateUp: Matrix) {
    store(
      ReferenceOperations.swiGLUBackward(numbers(dy), gateUp: numbers(gateUp), hidden: dy.columnCount),
      in: dGateUp)
  }

  // MARK: Loss

  /// The summed loss; `logits` ← its gradient times `gradientScale`.
  public func crossEntropy(
    _ logits: Matrix, targets: IndexMatrix, gradientScale: Float, losses: Matrix
  ) -> DeviceScalar {
    let result = ReferenceOperations.crossEntropy(numbers(logits), targets: indices(targets))
    store(result.losses, in: losses)
    store(result.gradient.map { $0 * Scalar(gradientScale) }, in: logits)
    return DeviceScalar(result.losses.reduce(0) { $0 + Double($1) })
  }

  /// The summed loss alone.
  public func crossEntropy(_ logits: Matrix, targets: IndexMatrix, losses: Matrix) -> DeviceScalar {
    let result = ReferenceOperations.crossEntropy(numbers(logits), targets: indices(targets))
    store(result.losses, in: losses)
    return DeviceScalar(result.losses.reduce(0) { $0 + Double($1) })
  }

  // MARK: Optimizer and reductions

  /// Σ x².
  public func sumOfSquares(_ x: Matrix) -> DeviceScalar {
    DeviceScalar(Double(ReferenceOperations.sumOfSquares(numbers(x))))
  }

  /// One step of AdamW.
  public func adamW(
    _ weights: Matrix, gradients: Matrix, firstMoments: Matrix, secondMoments: Matrix, step: AdamWStep
  ) {
    var (w, m, v) = (numbers(weights), numbers(firstMoments), numbers(secondMoments))
    ReferenceOperations.adamW(
      weights: &w, gradients: numbers(gradients), firstMoments: &m, secondMoments: &v, step: step)
    store(w, in: weights)
    store(m, in: firstMoments)
    store(v, in: secondMoments)
  }

  // MARK: Numbers

  func numbers(_ matrix: Matrix) -> [Scalar] { matrix.elements.map { Scalar($0) } }

  func store(_ numbers: [Scalar], in matrix: Matrix) { matrix.write(numbers.map { Float($0) }) }

  func indices(_ matrix: IndexMatrix) -> [Int] { matrix.elements.map { Int($0) } }
}

extension DeviceMatrix {
  /// The elements row by row.
  fileprivate var elements: [Element] {
    (0..<rowCount).flatMap { row in
      UnsafeBufferPointer(start: hostAddress + row * rowStride, count: columnCount)
    }
  }

  /// Sets the elements row by row. Traps if the counts differ.
  fileprivate func write(_ elements: some Collection<Element>) {
    precondition(elements.count == count, "\(elements.count) elements for \(count)")
    for (index, element) in elements.enumerated() {
      let (row, column) = index.quotientAndRemainder(dividingBy: columnCount)
      hostAddress[row * rowStride + column] = element
    }
  }
}
