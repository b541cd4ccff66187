import CastleAttention
import Testing

/// How far single-precision results may lie from the truth, measured by a naive computation in the same precision.
struct ErrorBudget {
  /// How much worse than the naive computation a result may be.
  static let factor = 2.0
  /// A naive computation can be exact by luck: a few units in the last place are always allowed.
  static let floor = 4 * Double(Float.ulpOfOne)

  /// Expects `values` to be about as close to `truth` as `naive` is, as root mean squares.
  static func check(
    _ values: [Float], naive: [Float], truth: [Double], _ comment: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    func error(_ values: [Float]) -> Double {
      rootMeanSquare(zip(values, truth).map { Double($0) - $1 }) / size(truth)
    }
    let budget = factor * error(naive) + floor
    #expect(
      error(values) <= budget, "error \(error(values)) over \(budget): \(comment)",
      sourceLocation: sourceLocation)
  }

  /// What errors of a result are relative to: its root mean square, or 1 if it is all zeros.
  static func size(_ truth: [Double]) -> Double {
    let size = rootMeanSquare(truth)
    return size == 0 ? 1 : size
  }

  /// The root of the mean of the squares; infinite if one is not a number.
  static func rootMeanSquare(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let mean = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
    return mean.isNaN ? .infinity : mean.squareRoot()
  }
}
