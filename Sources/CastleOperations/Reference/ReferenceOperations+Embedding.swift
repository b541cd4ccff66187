public import RealModule

extension ReferenceOperations {
  /// The rows of `table` that `tokens` name.
  @inlinable
  public static func embed<Scalar: Real>(_ tokens: [Int], table: [Scalar], columns: Int) -> [Scalar] {
    tokens.flatMap { table[$0 * columns..<($0 + 1) * columns] }
  }

  /// The gradient of Σ y · dy with respect to a table of `rows` rows.
  @inlinable
  public static func embedBackward<Scalar: Real>(
    _ dy: [Scalar], tokens: [Int], rows: Int, columns: Int
  ) -> [Scalar] {
    var gradient = [Scalar](repeating: 0, count: rows * columns)
    for (i, token) in tokens.enumerated() {
      for j in 0..<columns { gradient[token * columns + j] += dy[i * columns + j] }
    }
    return gradient
  }
}
