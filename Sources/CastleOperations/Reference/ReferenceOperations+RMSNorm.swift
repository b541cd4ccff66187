public import RealModule

extension ReferenceOperations {
  /// y = x / rms(x) · weight, row by row, with rms(x) = √(mean(x²) + epsilon); `scales` are 1 / rms(x).
  @inlinable
  public static func rmsNorm<Scalar: Real>(
    _ x: [Scalar], weight: [Scalar], epsilon: Scalar
  ) -> (y: [Scalar], scales: [Scalar]) {
    let columns = weight.count
    var y: [Scalar] = []
    var scales: [Scalar] = []
    for row in stride(from: 0, to: x.count, by: columns) {
      let squares = sumOfSquares(Array(x[row..<row + columns]))
      let scale = 1 / Scalar.sqrt(squares / Scalar(columns) + epsilon)
      scales.append(scale)
      for j in 0..<columns { y.append(x[row + j] * scale * weight[j]) }
    }
    return (y, scales)
  }

  /// The gradients of Σ y · dy with respect to x and the weight.
  ///
  /// With r = 1 / rms(x) over n columns, dr/dx_j = −r³ x_j / n.
  @inlinable
  public static func rmsNormBackward<Scalar: Real>(
    _ dy: [Scalar], x: [Scalar], weight: [Scalar], epsilon: Scalar
  ) -> (dx: [Scalar], dWeight: [Scalar]) {
    let columns = weight.count
    let scales = rmsNorm(x, weight: weight, epsilon: epsilon).scales
    var dx: [Scalar] = []
    var dWeight = [Scalar](repeating: 0, count: columns)
    for (row, r) in scales.enumerated() {
      var dr: Scalar = 0
      for j in 0..<columns {
        let i = row * columns + j
        dr += dy[i] * weight[j] * x[i]
        dWeight[j] += dy[i] * x[i] * r
      }
      for j in 0..<columns {
        let i = row * columns + j
        dx.append(dy[i] * weight[j] * r - dr * r * r * r * x[i] / Scalar(columns))
      }
    }
    return (dx, dWeight)
  }
}
