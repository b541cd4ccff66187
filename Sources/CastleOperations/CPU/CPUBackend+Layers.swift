import CastleKernels
import Foundation
public import CastleTensors

extension CPUBackend {
  // MARK: Normalisation

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

  // MARK: Rotary positions

  /// Cosines and sines for positions `0..<length`, computed in double precision.
  public func rotaryTable(frequencies: [Double], magnitude: Double, length: Int) -> Matrix {
    let half = frequencies.count
    let table = allocate(Float.self, rowCount: length, columnCount: 2 * half)
    pool.forEachRange(of: length, minimum: 64) { positions in
      for position in positions {
        let row = table.hostAddress + position * table.rowStride
        for i in 0..<half {
          let angle = Double(position) * frequencies[i]
          row[i] = Float(magnitude * cos(angle))
          row[half + i] = Float(magnitude * sin(angle))
        }
      }
    }
    return table
  }

  /// Turns every head of `x` by its token's position; see ``Backend``.
  public func rotate(_ x: Matrix, headSize: Int, positions: IndexMatrix, table: Matrix, inverse: Bool) {
    precondition(headSize > 0 && headSize % 2 == 0, "heads of \(headSize) features are not pairs")
    precondition(x.columnCount % headSize == 0, "columns are not whole heads")
    precondition(positions.isVector(x.rowCount) && table.columnCount == headSize, "shapes do not fit")
    forEachRows(x.rowCount, columns: x.columnCount) { [kernels] rows in
      for row in rows {
        precondition(
          positions.hostAddress[row] >= 0 && Int(positions.hostAddress[row]) < table.rowCount,
          "position beyond the rotary table")
      }
      kernels.rotate(
        rows.count, x.columnCount / headSize, headSize / 2,
        x.hostAddress + rows.lowerBound * x.rowStride, x.rowStride,
        positions.hostAddress + rows.lowerBound, table.hostAddress, table.rowStride, inverse ? -1 : 1)
    }
  }

  // MARK: SwiGLU

  /// y ← SiLU(gate) · up.
  public func swiGLU(_ gateUp: Matrix, into y: Matrix) {
    precondition(gateUp.columnCount == 2 * y.columnCount && gateUp.rowCount == y.rowCount)
    forEachRows(y.rowCount, columns: y.columnCount) { [kernels] rows in
      kernels.swiglu(
        rows.count, y.columnCount, gateUp.hostAddress + rows.lowerBound * gateUp.rowStride,
        gateUp.rowStride, y.hostAddress + rows.lowerBound * y.rowStride, y.rowStride)
    }
  }

  /// `dGateUp` ← the gradient of `gateUp`, which it may be.
  public func swiGLUBackward(_ dy: Matrix, gateUp: Matrix, dGateUp: Matrix) {
    precondition(gateUp.columnCount == 2 * dy.columnCount && dGateUp.columnCount == gateUp.columnCount)
    precondition(gateUp.rowCount == dy.rowCount && dGateUp.rowCount == dy.rowCount)
    forEachRows(dy.rowCount, columns: dy.columnCount) { [kernels] rows in
      let start = rows.lowerBound
      kernels.swiglu_backward(
        rows.count, dy.columnCount, dy.hostAddress + start * dy.rowStride, dy.rowStride,
        gateUp.hostAddress + start * gateUp.rowStride, gateUp.rowStride,
        dGateUp.hostAddress + start * dGateUp.rowStride, dGateUp.rowStride)
    }
  }
}
