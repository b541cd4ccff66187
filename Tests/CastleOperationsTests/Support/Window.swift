import CastleOperations
import CastleTensors
import Testing

/// A matrix that is some columns of a wider one, whose other columns nobody may touch.
struct Window {
  /// What operations are given.
  let matrix: Matrix
  private let whole: Matrix
  private let backend: CPUBackend

  private static let margin = 3

  /// A window without values, or with these.
  init(_ values: [Float]? = nil, rows: Int, columns: Int, on backend: CPUBackend) {
    self.backend = backend
    whole = backend.allocate(Float.self, rowCount: rows, columnCount: columns + 2 * Self.margin)
    matrix = whole.columns(Self.margin..<Self.margin + columns)
    if let values { values.withUnsafeBufferPointer { backend.upload($0, to: matrix) } }
  }

  /// The values, row by row. Expects the columns beside the window to be as they were allocated.
  func values(sourceLocation: SourceLocation = #_sourceLocation) -> [Float] {
    for columns in [0..<Self.margin, whole.columnCount - Self.margin..<whole.columnCount] {
      let untouched = backend.values(whole.columns(columns)).allSatisfy { $0.bitPattern == .max }
      #expect(untouched, "columns beside the window were written", sourceLocation: sourceLocation)
    }
    return backend.values(matrix)
  }
}

extension CPUBackend {
  /// A contiguous matrix with these values.
  func matrix(_ values: [Float], columns: Int? = nil) -> Matrix {
    let columns = columns ?? values.count
    let matrix = allocate(Float.self, rowCount: values.count / max(columns, 1), columnCount: columns)
    values.withUnsafeBufferPointer { upload($0, to: matrix) }
    return matrix
  }

  /// One row of indices.
  func indices(_ values: [Int]) -> IndexMatrix {
    let matrix = allocate(Int32.self, rowCount: 1, columnCount: values.count)
    values.map(Int32.init).withUnsafeBufferPointer { upload($0, to: matrix) }
    return matrix
  }

  /// The elements of a matrix, row by row.
  func values(_ matrix: Matrix) -> [Float] {
    [Float](unsafeUninitializedCapacity: matrix.count) { target, count in
      count = matrix.count
      download(matrix, to: UnsafeMutableBufferPointer(rebasing: target[0..<count]))
    }
  }
}

extension RandomSource {
  /// Normal numbers of the given size.
  mutating func normals(_ count: Int, scale: Float = 1) -> [Float] {
    (0..<count).map { _ in scale * nextNormal() }
  }
}

extension [Float] {
  /// The same numbers in double precision.
  var doubles: [Double] { map(Double.init) }

  /// The exact representations, for comparisons in which NaN equals NaN and 0 differs from −0.
  var bits: [UInt32] { map(\.bitPattern) }
}
