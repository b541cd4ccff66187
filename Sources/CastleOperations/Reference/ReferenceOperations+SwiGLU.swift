public import RealModule

extension ReferenceOperations {
  /// SiLU(gate) · up, where a row of `gateUp` is `hidden` gates and then as many ups.
  @inlinable
  public static func swiGLU<Scalar: Real>(_ gateUp: [Scalar], hidden: Int) -> [Scalar] {
    var y: [Scalar] = []
    for row in stride(from: 0, to: gateUp.count, by: 2 * hidden) {
      for gate in row..<row + hidden {
        y.append(gateUp[gate] * sigmoid(gateUp[gate]) * gateUp[gate + hidden])
      }
    }
    return y
  }

  /// The gradient of Σ y · dy with respect to gate and up: SiLU'(x) = σ(x) (1 + x (1 − σ(x))).
  @inlinable
  public static func swiGLUBackward<Scalar: Real>(
    _ dy: [Scalar], gateUp: [Scalar], hidden: Int
  ) -> [Scalar] {
    var gradient = gateUp
    for (i, upstream) in dy.enumerated() {
      let (row, column) = i.quotientAndRemainder(dividingBy: hidden)
      let gate = row * 2 * hidden + column
      let (x, up) = (gateUp[gate], gateUp[gate + hidden])
      let s = sigmoid(x)
      gradient[gate] = upstream * up * s * (1 + x * (1 - s))
      gradient[gate + hidden] = upstream * x * s
    }
    return gradient
  }
}
