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
    let product = Product(
      a: a, transposeA: transposeA, b: b, transposeB: transposeB, alpha: alpha, beta: beta, c: c, m: m, n: n,
      k: k)
    if k > 0 && !transposeA && (transposeB ? m <= Self.fewRows : m == 1) {
      multiplyFewRows(product)
    } else {
      multiplyBlocks(product)
    }
  }

  /// The arguments of a product and its sizes: (m, k) times (k, n).
  private struct Product {
    let a: Matrix
    let transposeA: Bool
    let b: Matrix
    let transposeB: Bool
    let alpha: Float
    let beta: Float
    let c: Matrix
    let m: Int
    let n: Int
    let k: Int

    /// Computes some rows and columns of the result on the calling thread.
    func compute(rows: Range<Int>, columns: Range<Int>) {
      BLAS.multiply(
        a.hostAddress + rows.lowerBound * (transposeA ? 1 : a.rowStride), stride: a.rowStride,
        transposed: transposeA, b.hostAddress + columns.lowerBound * (transposeB ? b.rowStride : 1),
        stride: b.rowStride, transposed: transposeB, m: rows.count, n: columns.count, k: k, alpha: alpha,
        beta: beta, into: c.hostAddress + rows.lowerBound * c.rowStride + columns.lowerBound,
        stride: c.rowStride)
    }

    /// Computes some columns of one row of the result on the calling thread; a is not transposed.
    func compute(row: Int, columns: Range<Int>) {
      BLAS.multiply(
        b.hostAddress + columns.lowerBound * (transposeB ? b.rowStride : 1), stride: b.rowStride,
        transposed: !transposeB, rows: transposeB ? columns.count : k,
        columns: transposeB ? k : columns.count, a.hostAddress + row * a.rowStride, alpha: alpha, beta: beta,
        into: c.hostAddress + row * c.rowStride + columns.lowerBound)
    }
  }

  /// Products of fewer operations than this are not worth a second thread.
  private static let smallProduct = 200_000

  /// Parts of a result start at whole tiles of the product's innermost loop.
  private static let tile = 16

  /// The result is cut into a grid of one part for each thread. BLAS copies its operands, so that the parts
  /// with the smallest circumference cost the least.
  private func multiplyBlocks(_ product: Product) {
    let rowTiles = (product.m + Self.tile - 1) / Self.tile
    let columnTiles = (product.n + Self.tile - 1) / Self.tile
    var grid = (rows: 1, columns: 1)
    if 2 * product.m * product.n * product.k >= Self.smallProduct {
      func circumference(_ rows: Int) -> Int {
        let columns = pool.threadCount / rows
        return (rowTiles + rows - 1) / rows + (columnTiles + columns - 1) / columns
      }
      let divisors = (1...pool.threadCount).lazy.filter { self.pool.threadCount % $0 == 0 }
      let rows = divisors.min { circumference($0) < circumference($1) } ?? 1
      grid = (min(rows, rowTiles), min(pool.threadCount / rows, columnTiles))
    }
    pool.forEach(grid.rows * grid.columns) { part in
      let (i, j) = part.quotientAndRemainder(dividingBy: grid.columns)
      product.compute(
        rows: Self.part(i, of: grid.rows, tiles: rowTiles, end: product.m),
        columns: Self.part(j, of: grid.columns, tiles: columnTiles, end: product.n))
    }
  }

  private static func part(_ index: Int, of count: Int, tiles: Int, end: Int) -> Range<Int> {
    tiles * index / count * tile..<min(tiles * (index + 1) / count * tile, end)
  }

  /// 8: up to so many rows, each is a product of its own, whose order depends on the shape of the weight
  /// alone.
  public var independentRows: Int { Self.fewRows }

  /// Up to this many rows, products of single rows are faster than BLAS's product, which copies all of b
  /// first.
  private static let fewRows = 8

  /// As much of b as stays in a core's cache while it meets every row of a, in elements.
  private static let slice = 32 * 1_024

  /// b is read from memory once, slice by slice; the slices depend on the shape alone.
  private func multiplyFewRows(_ product: Product) {
    let columns = max(Self.tile, Self.slice / product.k / Self.tile * Self.tile)
    let slices = (product.n + columns - 1) / columns
    pool.forEach(slices) { slice in
      let range = slice * columns..<min((slice + 1) * columns, product.n)
      for row in 0..<product.m { product.compute(row: row, columns: range) }
    }
  }
}
