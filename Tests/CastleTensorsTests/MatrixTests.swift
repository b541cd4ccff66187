import CastleTensors
import Testing

struct MatrixTests {
  /// A matrix whose elements count from 0.
  private func counting(_ rows: Int, _ columns: Int) -> Matrix {
    let matrix = Matrix(
      buffer: Buffer.host(byteCount: rows * columns * MemoryLayout<Float>.stride), rowCount: rows,
      columnCount: columns)
    for index in 0..<rows * columns { matrix.hostAddress[index] = Float(index) }
    return matrix
  }

  private func elements(_ matrix: Matrix) -> [Float] {
    (0..<matrix.rowCount).flatMap { row in
      (0..<matrix.columnCount).map { matrix.hostAddress[row * matrix.rowStride + $0] }
    }
  }

  @Test func windowsOfWindows() {
    let matrix = counting(5, 7)
    let window = matrix.rows(1..<4).columns(2..<6)
    #expect(elements(window) == [9, 10, 11, 12, 16, 17, 18, 19, 23, 24, 25, 26])
    #expect(elements(window.columns(1..<3).rows(2..<3)) == [24, 25])
    #expect(elements(window.columns(1..<3).rows(0..<2)) == elements(matrix.columns(3..<5).rows(1..<3)))
    #expect(window.count == 12 && window.buffer === matrix.buffer)
  }

  @Test func emptyWindowsAtTheEnd() {
    let matrix = counting(3, 4)
    for window in [
      matrix.rows(3..<3), matrix.columns(4..<4), matrix.rows(3..<3).columns(4..<4),
      matrix.columns(4..<4).rows(3..<3), matrix.rows(2..<3).columns(1..<4).rows(1..<1).columns(3..<3),
    ] {
      #expect(window.count == 0 && elements(window).isEmpty)
    }
    #expect(matrix.rows(3..<3).columnCount == 4 && matrix.columns(4..<4).rowCount == 3)
  }

  @Test func contiguity() {
    let matrix = counting(3, 4)
    #expect(matrix.isContiguous && matrix.rows(1..<3).isContiguous)
    #expect(!matrix.columns(1..<3).isContiguous)
    // Of one row no stride matters, nor of none.
    #expect(matrix.columns(1..<3).rows(1..<2).isContiguous && matrix.columns(1..<3).rows(1..<1).isContiguous)
    #expect(matrix.rows(1..<2).columns(1..<3).isVector(2) && !matrix.columns(1..<2).isVector(3))
    #expect(!matrix.rows(1..<2).isVector(3) && counting(3, 1).isVector(3))
  }

  @Test func otherShapes() {
    let matrix = counting(4, 6)
    #expect(elements(matrix.reshaped(rowCount: 8, columnCount: 3).rows(3..<4)) == [9, 10, 11])
    #expect(matrix.flattened.rowCount == 1 && elements(matrix.flattened) == elements(matrix))
    let row = matrix.rows(2..<3).columns(1..<5)
    #expect(elements(row.reshaped(rowCount: 2, columnCount: 2).rows(1..<2)) == [15, 16])
    #expect(row.hasShape(of: counting(1, 4)) && !row.hasShape(of: counting(4, 1)))
  }

  @Test func buffersAreAligned() {
    for byteCount in [0, 1, 63, 64, 65, 4097] {
      let buffer = Buffer.host(byteCount: byteCount)
      #expect(buffer.byteCount == byteCount)
      #expect(Int(bitPattern: buffer.address) % Buffer.alignment == 0)
    }
  }

  #if compiler(>=6.3)
    @Test func whatReachesOutsideIsATrap() async {
      await #expect(processExitsWith: .failure) { _ = MatrixTests().counting(3, 4).rows(2..<4) }
      await #expect(processExitsWith: .failure) { _ = MatrixTests().counting(3, 4).columns(2..<5) }
      await #expect(processExitsWith: .failure) {
        _ = MatrixTests().counting(3, 4).columns(1..<3).reshaped(rowCount: 2, columnCount: 3)
      }
      await #expect(processExitsWith: .failure) {
        _ = Matrix(buffer: Buffer.host(byteCount: 47), rowCount: 3, columnCount: 4)
      }
    }
  #endif
}
