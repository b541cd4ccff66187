public import CastleTensors

extension ReferenceBackend {
  /// y ← x Wᵀ.
  public func multiply(_ x: Matrix, by weight: Weight, into y: Matrix) {
    let result = ReferenceOperations.product(
      numbers(x), transposed: false, numbers(weight), transposed: true, rows: x.rowCount,
      columns: weight.rowCount, depth: weight.columnCount, alpha: 1, beta: 0, [])
    store(result, in: y)
  }

  /// Row i of `y` ← row `tokens[i]` of `table`.
  public func embed(_ tokens: IndexMatrix, table: Weight, into y: Matrix) {
    store(
      ReferenceOperations.embed(indices(tokens), table: numbers(table), columns: table.columnCount), in: y)
  }

  /// The elements that `weight` stands for, row by row.
  private func numbers(_ weight: Weight) -> [Scalar] {
    switch weight {
    case .float32(let matrix): numbers(matrix)
    case .packed(let packed):
      (0..<packed.rowCount).flatMap { row in
        [Float](unsafeUninitializedCapacity: packed.columnCount) { target, count in
          if let address = target.baseAddress { packed.unpack(row: row, into: address) }
          count = packed.columnCount
        }
      }.map { Scalar($0) }
    }
  }

  /// Yes.
  public var readsPackedWeights: Bool { true }
}
