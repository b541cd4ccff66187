public import CastleTensors

extension CPUBackend {
  /// y ← x Wᵀ. See ``Backend``.
  public func multiply(_ x: Matrix, by weight: Weight, into y: Matrix) {
    switch weight {
    case .float32(let matrix):
      multiply(x, transposed: false, matrix, transposed: true, alpha: 1, beta: 0, into: y)
    }
  }

  /// Row i of `y` ← row `tokens[i]` of `table`. Traps if a token is not a row.
  public func embed(_ tokens: IndexMatrix, table: Weight, into y: Matrix) {
    switch table {
    case .float32(let matrix): embed(tokens, table: matrix, into: y)
    }
  }
}
