public import CastleTensors

extension CPUBackend {
  /// y ← x Wᵀ. See ``Backend``.
  public func multiply(_ x: Matrix, by weight: Weight, into y: Matrix) {
    switch weight {
    case .float32(let matrix):
      multiply(x, transposed: false, matrix, transposed: true, alpha: 1, beta: 0, into: y)
    case .packed(let packed): multiply(x, by: packed, into: y)
    }
  }

  /// 8 for weights of training, 16 for packed ones.
  public func independentRows(of weight: Weight) -> Int {
    switch weight {
    case .float32: independentRows
    case .packed: Self.weightRows
    }
  }

  /// Yes.
  public var readsPackedWeights: Bool { true }

  /// Row i of `y` ← row `tokens[i]` of `table`. Traps if a token is not a row.
  public func embed(_ tokens: IndexMatrix, table: Weight, into y: Matrix) {
    switch table {
    case .float32(let matrix): embed(tokens, table: matrix, into: y)
    case .packed(let packed):
      precondition(tokens.isVector(y.rowCount) && packed.columnCount == y.columnCount, "shapes do not fit")
      forEachRows(y.rowCount, columns: y.columnCount) { rows in
        for i in rows {
          packed.unpack(row: Int(tokens.hostAddress[i]), into: y.hostAddress + i * y.rowStride)
        }
      }
    }
  }
}
