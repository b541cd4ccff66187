public import CastleTensors

extension CPUBackend {
  /// c ← α · op(a) · op(b) + β · c, where op transposes if asked. Traps if the shapes do not fit.
  public func multiply(
    _ a: Matrix, transposed transposeA: Bool, _ b: Matrix, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Matrix
  ) {
    let (m, k) = transposeA ? (a.columnCount, a.rowCount) : (a.rowCount, a.columnCount)
    let (depth, n) = transposeB ? (b.columnCount, b.rowCount) : (b.rowCount, b.columnCount)
    precondition(k == depth && c.rowCount == m && c.columnCount == n, "shapes of a product do not fit")
    guard m > 0, n > 0 else { return }
    if m == 1 && !transposeA && k > 0 {
      multiplyRow(a, b, transposed: transposeB, alpha: alpha, beta: beta, into: c)
      return
    }
    // The longer side of the result is split; parts start at whole tiles of the product's innermost loop.
    let byRows = m >= n
    let tiles = ((byRows ? m : n) + Self.tile - 1) / Self.tile
    let parts = 2 * m * n * k < Self.smallProduct ? 1 : min(pool.threadCount, tiles)
    pool.forEach(parts) { part in
      let start = tiles * part / parts * Self.tile
      let end = min(tiles * (part + 1) / parts * Self.tile, byRows ? m : n)
      let (rows, columns) = byRows ? (start..<end, 0..<n) : (0..<m, start..<end)
      BLAS.multiply(
        a.hostAddress + rows.lowerBound * (transposeA ? 1 : a.rowStride), stride: a.rowStride,
        transposed: transposeA, b.hostAddress + columns.lowerBound * (transposeB ? b.rowStride : 1),
        stride: b.rowStride, transposed: transposeB, m: rows.count, n: columns.count, k: k, alpha: alpha,
        beta: beta, into: c.hostAddress + rows.lowerBound * c.rowStride + columns.lowerBound,
        stride: c.rowStride)
    }
  }

  /// Products of fewer operations than this are not worth a second thread.
  private static let smallProduct = 200_000

  private static let tile = 16

  /// One row times a matrix, which reads the matrix once: every thread takes some of the results.
  private func multiplyRow(
    _ a: Matrix, _ b: Matrix, transposed: Bool, alpha: Float, beta: Float, into c: Matrix
  ) {
    let n = c.columnCount
    pool.forEachRange(of: n, minimum: max(1, Self.smallProduct / max(1, 2 * a.columnCount))) { range in
      BLAS.multiply(
        b.hostAddress + range.lowerBound * (transposed ? b.rowStride : 1), stride: b.rowStride,
        transposed: !transposed, rows: transposed ? range.count : b.rowCount,
        columns: transposed ? b.columnCount : range.count, a.hostAddress, alpha: alpha, beta: beta,
        into: c.hostAddress + range.lowerBound)
    }
  }
}
