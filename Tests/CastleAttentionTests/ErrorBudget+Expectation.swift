import CastleMeasurement
import Testing

extension ErrorBudget {
  /// Expects `values` to be about as close to `truth` as `naive` is, as root mean squares.
  static func check(
    _ values: [Float], naive: [Float], truth: [Double], _ comment: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let budget = ErrorBudget(values, naive: naive, truth: truth, metric: .rootMeanSquare)
    #expect(
      budget.isKept, "error \(budget.error) over \(budget.limit): \(comment)", sourceLocation: sourceLocation)
  }

  /// The root of the mean of the squares; infinite if one is not a number.
  static func rootMeanSquare(_ values: [Double]) -> Double { Metric.rootMeanSquare.combined(values) }

  /// What errors of a result are relative to: its root mean square, or 1 if it is all zeros.
  static func size(_ truth: [Double]) -> Double { Metric.rootMeanSquare.size(of: truth) }
}
