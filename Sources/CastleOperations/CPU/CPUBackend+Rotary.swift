import CastleKernels
import Foundation
public import CastleTensors

extension CPUBackend {
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
}
