import CastleMeasurement
import Testing

/// Expects `values` to be at most twice as far from `truth` as `naive`, the same computation done literally
/// in single precision, or within four units in the last place; relative to the largest element.
func expectAccurate(
  _ values: [Float], naive: [Float], truth: [Double], _ comment: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(values.count == truth.count, "\(comment)", sourceLocation: sourceLocation)
  let budget = ErrorBudget(values, naive: naive, truth: truth, metric: .largest)
  #expect(
    budget.isKept, "\(comment): error \(budget.error) over \(budget.limit)", sourceLocation: sourceLocation)
}

/// Expects `gradient` to be the derivative of `loss` at `x`, by central differences.
func expectGradient(
  _ gradient: [Double], of loss: ([Double]) -> Double, at x: [Double], _ comment: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(gradient.count == x.count, "\(comment)", sourceLocation: sourceLocation)
  let step = 1e-5
  for i in x.indices {
    var (up, down) = (x, x)
    up[i] += step
    down[i] -= step
    let difference = (loss(up) - loss(down)) / (2 * step)
    #expect(
      abs(gradient[i] - difference) <= 1e-8 * max(1, abs(difference)), "\(comment), element \(i)",
      sourceLocation: sourceLocation)
  }
}

/// Σ x · y.
func dot(_ x: [Double], _ y: [Double]) -> Double {
  zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
}
