public import RealModule

extension ReferenceOperations {
  /// y + bias, row by row.
  @inlinable
  public static func add<Scalar: Real>(bias: [Scalar], toRowsOf y: [Scalar]) -> [Scalar] {
    y.enumerated().map { $1 + bias[$0 % bias.count] }
  }

  /// The gradient of Σ (y + bias) · dy with respect to the bias: the sum of the rows of `dy`.
  @inlinable
  public static func biasBackward<Scalar: Real>(_ dy: [Scalar], columns: Int) -> [Scalar] {
    var sum = [Scalar](repeating: 0, count: columns)
    for (index, value) in dy.enumerated() { sum[index % columns] += value }
    return sum
  }
}
