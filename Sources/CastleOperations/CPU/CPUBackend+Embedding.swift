import CastleKernels
public import CastleTensors

extension CPUBackend {
  /// Row i of `y` ← row `tokens[i]` of `table`. Traps if a token is not a row.
  func embed(_ tokens: IndexMatrix, table: Matrix, into y: Matrix) {
    precondition(tokens.isVector(y.rowCount) && table.columnCount == y.columnCount, "shapes do not fit")
    forEachRows(y.rowCount, columns: y.columnCount) { rows in
      for i in rows {
        let token = self.row(tokens, i, of: table)
        (y.hostAddress + i * y.rowStride)
          .update(from: table.hostAddress + token * table.rowStride, count: y.columnCount)
      }
    }
  }

  /// Adds row i of `dy` to row `tokens[i]` of `dTable`, in the order of i for equal tokens.
  public func embedBackward(_ dy: Matrix, tokens: IndexMatrix, dTable: Matrix) {
    precondition(tokens.isVector(dy.rowCount) && dTable.columnCount == dy.columnCount, "shapes do not fit")
    // Threads take columns, so that equal tokens meet in order on one thread.
    pool.forEachRange(of: dy.columnCount, minimum: 16) { columns in
      for i in 0..<dy.rowCount {
        let token = self.row(tokens, i, of: dTable)
        self.kernels.add(
          columns.count, dy.hostAddress + i * dy.rowStride + columns.lowerBound,
          dTable.hostAddress + token * dTable.rowStride + columns.lowerBound)
      }
    }
  }

  private func row(_ tokens: IndexMatrix, _ i: Int, of table: Matrix) -> Int {
    let token = Int(tokens.hostAddress[i])
    precondition(token >= 0 && token < table.rowCount, "token \(token) is not in the vocabulary")
    return token
  }
}
