public import RealModule

extension ReferenceOperations {
  /// y_t = own · x_t + before · x_{t−1} for each head of x, (tokens, heads · head size), within documents of
  /// the given lengths. `weights` holds own of all heads, then before; `previous` the row before each
  /// document.
  @inlinable
  public static func shift<Scalar: Real>(
    _ x: [Scalar], weights: [Scalar], heads: Int, lengths: [Int], previous: [Scalar]
  ) -> [Scalar] {
    let columns = previous.count / max(lengths.count, 1)
    var y = x
    var row = 0
    for (document, length) in lengths.enumerated() {
      for place in 0..<length {
        for column in 0..<columns {
          let head = column / (columns / heads)
          let before =
            place > 0 ? x[(row - 1) * columns + column] : previous[document * columns + column]
          y[row * columns + column] =
            weights[head] * x[row * columns + column] + weights[heads + head] * before
        }
        row += 1
      }
    }
    return y
  }

  /// The gradients of ``shift(_:weights:heads:lengths:previous:)`` where `previous` is 0.
  @inlinable
  public static func shiftBackward<Scalar: Real>(
    _ dy: [Scalar], x: [Scalar], weights: [Scalar], heads: Int, lengths: [Int]
  ) -> (dx: [Scalar], dWeights: [Scalar]) {
    let columns = x.count / max(lengths.reduce(0, +), 1)
    var dx = dy
    var dWeights = [Scalar](repeating: 0, count: 2 * heads)
    var row = 0
    for length in lengths {
      for place in 0..<length {
        for column in 0..<columns {
          let head = column / (columns / heads)
          let index = row * columns + column
          let after = place + 1 < length ? dy[index + columns] : 0
          dx[index] = weights[head] * dy[index] + weights[heads + head] * after
          dWeights[head] += dy[index] * x[index]
          if place > 0 { dWeights[heads + head] += dy[index] * x[index - columns] }
        }
        row += 1
      }
    }
    return (dx, dWeights)
  }
}
