import CastleAttention
import Testing

/// How far single-precision results may lie from the truth, measured by a naive computation in the same precision.
struct ErrorBudget {
  /// How much worse than the naive computation a result may be.
  static let factor = 2.0
  /// A naive computation can be exact by luck: a few units in the last place are always allowed.
  static let floor = 4 * Double(Float.ulpOfOne)

  /// The root mean square of the differences, relative to that of `truth`; absolute if that is all zeros.
  ///
  /// The worst of thousands of elements would be as much luck as error. Over random problems ``RoundingBound`` limits every
  /// element; here none does.
  static func error(_ values: [Float], _ truth: [Double]) -> Double {
    let size = rootMeanSquare(truth)
    return rootMeanSquare(zip(values, truth).map { Double($0) - $1 }) / (size == 0 ? 1 : size)
  }

  /// Expects every result of `fast` to be about as close to `truth` as `naive` is.
  static func check(
    _ fast: [(name: String, values: [Float])], naive: [(name: String, values: [Float])],
    truth: [(name: String, values: [Double])], _ comment: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (result, (reference, exact)) in zip(fast, zip(naive, truth)) {
      let error = error(result.values, exact.values)
      let budget = factor * self.error(reference.values, exact.values) + floor
      #expect(
        error <= budget, "\(result.name): error \(error) over \(budget); \(comment)",
        sourceLocation: sourceLocation)
    }
  }

  /// The root of the mean of the squares; infinite if one is not a number.
  static func rootMeanSquare(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let mean = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
    return mean.isNaN ? .infinity : mean.squareRoot()
  }
}
