import CastleKernels
public import CastleTensors

extension CPUBackend {
  /// Each row of y ← that row + bias.
  public func add(bias: Matrix, toRowsOf y: Matrix) {
    precondition(bias.isVector(y.columnCount), "shapes do not fit")
    forEachRows(y.rowCount, columns: y.columnCount) { [kernels] rows in
      for row in rows { kernels.add(y.columnCount, bias.hostAddress, y.hostAddress + row * y.rowStride) }
    }
  }

  /// Adds the sum of the rows of `dy` to `dBias`.
  public func biasBackward(_ dy: Matrix, dBias: Matrix) {
    precondition(dBias.isVector(dy.columnCount), "shapes do not fit")
    let columns = dy.columnCount
    let parts = Self.parts(ofRows: dy)
    scratch.withMemory(for: parts * columns, of: Float.self) { [kernels] partials in
      pool.forEach(parts) { part in
        let partial = partials + part * columns
        partial.update(repeating: 0, count: columns)
        for row in dy.rowCount * part / parts..<dy.rowCount * (part + 1) / parts {
          kernels.add(columns, dy.hostAddress + row * dy.rowStride, partial)
        }
      }
      for part in 0..<parts { kernels.add(columns, partials + part * columns, dBias.hostAddress) }
    }
  }

  /// Into how many parts a sum over the rows of `x` is split, which depends on its shape alone.
  static func parts(ofRows x: Matrix) -> Int { max(1, min(64, x.rowCount, x.count / grain)) }
}
