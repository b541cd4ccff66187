import CastleAttention
import Testing

/// How far single-precision results may lie from the truth, measured by a naive computation in the same precision.
struct ErrorBudget {
  /// How much worse than the naive computation a result may be.
  static let factor = 2.0
  /// A naive computation can be exact by luck: a few units in the last place are always allowed.
  static let floor = 4 * Double(Float.ulpOfOne)

  /// The largest difference, relative to the largest element of `truth`; absolute if that is all zeros.
  static func error(_ values: [Float], _ truth: [Double]) -> Double {
    let largest = truth.reduce(0) { max($0, abs($1)) }
    let size = largest == 0 ? 1 : largest
    return zip(values, truth).reduce(0) { worst, pair in
      let difference = abs(Double(pair.0) - pair.1) / size
      return difference.isNaN ? .infinity : max(worst, difference)
    }
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

  /// The largest error of `fast` in budgets, with the name of the result that has it, for problems of any shape.
  ///
  /// In the smallest problems the naive computation of a single result is often exact by luck, so the worst naive
  /// result sets the budget of all. Gradients that cancel are measured against the largest gradient, and dot products
  /// over `headSize` features are allowed their √d units in the last place.
  static func worst(
    _ fast: [(name: String, values: [Float])], naive: [(name: String, values: [Float])],
    truth: [(name: String, values: [Double])], headSize: Int
  ) -> (name: String, budgets: Double) {
    func largest(_ values: [Double]) -> Double { values.reduce(0) { max($0, abs($1)) } }
    let gradientSize = truth.filter { $0.name.hasPrefix("d") }.reduce(0) { max($0, largest($1.values)) }
    func error(_ values: [Float], _ exact: (name: String, values: [Double])) -> Double {
      let size = exact.name.hasPrefix("d") ? gradientSize : max(largest(exact.values), 1e-30)
      return zip(values, exact.values).reduce(0) { worst, pair in
        let difference = abs(Double(pair.0) - pair.1) / size
        return difference.isNaN ? .infinity : max(worst, difference)
      }
    }
    let naiveError = zip(naive, truth).reduce(0) { max($0, error($1.0.values, $1.1)) }
    let budget = factor * naiveError + max(floor, Double(headSize).squareRoot() * Double(Float.ulpOfOne))
    return zip(fast, truth).reduce(("", 0)) { worst, pair in
      let budgets = error(pair.0.values, pair.1) / budget
      return budgets > worst.1 ? (pair.0.name, budgets) : worst
    }
  }
}
