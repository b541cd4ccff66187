import CastleKernels
public import CastleTensors

extension CPUBackend {
  /// y ← x / rms(x) · weight, row by row; see ``Backend``.
  public func rmsNorm(
    _ x: Matrix, adding residual: Matrix?, weight: Matrix, epsilon: Float, into y: Matrix, scales: Matrix
  ) {
    precondition(weight.isVector(x.columnCount) && scales.isVector(x.rowCount), "shapes do not fit")
    precondition(y.hasShape(of: x) && residual?.hasShape(of: x) != false, "shapes do not fit")
    forEachRows(x.rowCount, columns: x.columnCount) { [kernels] rows in
      let start = rows.lowerBound
      kernels.rms_norm(
        rows.count, x.columnCount, x.hostAddress + start * x.rowStride, x.rowStride,
        residual.map { UnsafePointer($0.hostAddress + start * $0.rowStride) }, residual?.rowStride ?? 0,
        weight.hostAddress, epsilon, y.hostAddress + start * y.rowStride, y.rowStride,
        scales.hostAddress + start)
    }
  }

  /// **Adds** to `dx` and `dWeight`; see ``Backend``.
  public func rmsNormBackward(
    _ dy: Matrix, x: Matrix, weight: Matrix, scales: Matrix, dx: Matrix, dWeight: Matrix
  ) {
    precondition(dy.hasShape(of: x) && dx.hasShape(of: x), "shapes do not fit")
    precondition(
      weight.isVector(x.columnCount) && dWeight.isVector(x.columnCount) && scales.isVector(x.rowCount),
      "shapes do not fit")
    let columns = x.columnCount
    let parts = Self.parts(ofRows: x)
    scratch.withMemory(for: parts * columns, of: Float.self) { [kernels] partials in
      pool.forEach(parts) { part in
        let start = x.rowCount * part / parts
        let end = x.rowCount * (part + 1) / parts
        let partial = partials + part * columns
        partial.update(repeating: 0, count: columns)
        kernels.rms_norm_backward(
          end - start, columns, dy.hostAddress + start * dy.rowStride, dy.rowStride,
          x.hostAddress + start * x.rowStride, x.rowStride, weight.hostAddress, scales.hostAddress + start,
          dx.hostAddress + start * dx.rowStride, dx.rowStride, partial)
      }
      for part in 0..<parts { kernels.add(columns, partials + part * columns, dWeight.hostAddress) }
    }
  }
}
