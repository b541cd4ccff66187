public import RealModule

extension ReferenceOperations {
  /// −log softmax(logits)[target] of each row, and the gradient of their sum. Rows with a negative target are
  /// 0.
  @inlinable
  public static func crossEntropy<Scalar: Real>(
    _ logits: [Scalar], targets: [Int]
  ) -> (losses: [Scalar], gradient: [Scalar]) {
    let columns = logits.count / max(targets.count, 1)
    var losses: [Scalar] = []
    var gradient: [Scalar] = []
    for (row, target) in targets.enumerated() {
      guard target >= 0 else {
        losses.append(0)
        gradient += [Scalar](repeating: 0, count: columns)
        continue
      }
      let x = Array(logits[row * columns..<(row + 1) * columns])
      let largest = x.reduce(-Scalar.infinity) { $0 < $1 ? $1 : $0 }
      let exponentials = x.map { Scalar.exp($0 - largest) }
      let sum = exponentials.reduce(0, +)
      losses.append(Scalar.log(sum) + (largest - x[target]))
      for j in 0..<columns { gradient.append(exponentials[j] / sum - (j == target ? 1 : 0)) }
    }
    return (losses, gradient)
  }
}
