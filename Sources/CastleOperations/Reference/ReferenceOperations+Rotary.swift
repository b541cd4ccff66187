public import RealModule

extension ReferenceOperations {
  /// Row p: the cosines, then the sines, of p · theta^(−2i/headSize) for i < headSize/2.
  @inlinable
  public static func rotaryTable<Scalar: Real>(theta: Scalar, headSize: Int, length: Int) -> [Scalar] {
    let frequencies = (0..<headSize / 2).map { Scalar.pow(theta, -Scalar(2 * $0) / Scalar(headSize)) }
    return rotaryTable(frequencies: frequencies, magnitude: 1, length: length)
  }

  /// Row p: the cosines, then the sines, of p · frequency for all frequencies, times `magnitude`.
  @inlinable
  public static func rotaryTable<Scalar: Real>(
    frequencies: [Scalar], magnitude: Scalar, length: Int
  ) -> [Scalar] {
    var table: [Scalar] = []
    for position in 0..<length {
      let angles = frequencies.map { Scalar(position) * $0 }
      table += angles.map { magnitude * Scalar.cos($0) } + angles.map { magnitude * Scalar.sin($0) }
    }
    return table
  }

  /// x, (positions, heads · headSize), with every pair (i, i + headSize/2) of every head turned by the angle
  /// that `table` has for its position, or back. Turning back is the gradient of turning.
  @inlinable
  public static func rotate<Scalar: Real>(
    _ x: [Scalar], headSize: Int, positions: [Int], table: [Scalar], inverse: Bool
  ) -> [Scalar] {
    let half = headSize / 2
    let columns = x.count / max(positions.count, 1)
    var y = x
    for (row, position) in positions.enumerated() {
      for head in stride(from: row * columns, to: (row + 1) * columns, by: headSize) {
        for i in 0..<half {
          let cosine = table[position * headSize + i]
          let sine = table[position * headSize + half + i] * (inverse ? -1 : 1)
          let (a, b) = (x[head + i], x[head + half + i])
          y[head + i] = a * cosine - b * sine
          y[head + half + i] = b * cosine + a * sine
        }
      }
    }
    return y
  }
}
