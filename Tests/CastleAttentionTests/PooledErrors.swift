import CastleMeasurement
import Testing

/// The errors of several problems, by result, in units of the size of each.
struct PooledErrors {
  /// Sums over the cases of squared errors.
  private struct Sums {
    var fast = 0.0
    var naive = 0.0
    var cases = 0
  }

  private var sums: [String: Sums] = [:]

  /// Adds a problem, and expects every element of both forms to lie within its bound.
  mutating func add(
    _ fast: ReferenceSolution.Results<Float>, _ reference: ReferenceSolution, _ comment: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    reference.checkBounds(fast, "blocked; \(comment)", sourceLocation: sourceLocation)
    reference.checkBounds(reference.naive, "naive; \(comment)", sourceLocation: sourceLocation)
    for (fast, (naive, truth)) in zip(fast, zip(reference.naive, reference.truth)) {
      let size = Self.size(truth.name, reference.truth)
      func error(_ values: [Float]) -> Double {
        let error = ErrorBudget.rootMeanSquare(zip(values, truth.values).map { Double($0) - $1 }) / size
        return error * error
      }
      sums[fast.name, default: Sums()].fast += error(fast.values)
      sums[fast.name, default: Sums()].naive += error(naive.values)
      sums[fast.name, default: Sums()].cases += 1
    }
  }

  /// What errors of a result are relative to: the root mean square of its elements, for gradients that of the
  /// largest gradient. A log-sum-exp is the logarithm of what it scales, so its errors are relative already.
  private static func size(_ name: String, _ truth: ReferenceSolution.Results<Double>) -> Double {
    if name == "lse" { return 1 }
    let gradients = name.hasPrefix("d")
    let peers = truth.filter { gradients ? $0.name.hasPrefix("d") : $0.name == name }
    let largest = peers.map { ErrorBudget.rootMeanSquare($0.values) }.max() ?? 0
    return largest > 0 ? largest : 1
  }

  /// Expects the fast form to be at most twice as far off as the naive one in every result.
  func check(_ comment: String, sourceLocation: SourceLocation = #_sourceLocation) {
    for (name, sum) in sums.sorted(by: { $0.key < $1.key }) {
      #expect(
        sum.fast <= ErrorBudget.factor * ErrorBudget.factor * sum.naive,
        """
        \(name): errors of \((sum.fast / sum.naive).squareRoot()) times the naive ones \
        over \(sum.cases) cases; \(comment)
        """,
        sourceLocation: sourceLocation)
    }
  }
}
