/// How far single-precision results may be from the truth, measured by a naive computation in the same
/// precision: at most twice as far.
public struct ErrorBudget: Sendable, Hashable {
  /// How the errors of the elements of a result are put together.
  public enum Metric: Sendable {
    /// Root mean square over root mean square of the truth.
    case rootMeanSquare
    /// Largest error over largest element of the truth.
    case largest
  }

  /// How much worse than the naive computation a result may be.
  public static let factor = 2.0
  /// A naive computation can be exact by luck: a few units in the last place are always allowed.
  public static let floor = 4 * Double(Float.ulpOfOne)

  /// The error of the result.
  public let error: Double
  /// What it may be.
  public let limit: Double

  /// Whether the result is as good as it has to be.
  public var isKept: Bool { error <= limit }

  /// Holds `values` against `truth`, with `naive` as the measure. Errors are relative to `size`, or that of
  /// the truth.
  @inlinable
  public init(
    _ values: some Collection<Float>, naive: some Collection<Float>, truth: some Collection<Double>,
    metric: Metric,
    size: Double? = nil
  ) {
    let size = size ?? metric.size(of: truth)
    error = metric.error(values, truth) / size
    limit = Self.factor * (metric.error(naive, truth) / size) + Self.floor
  }
}

extension ErrorBudget.Metric {
  /// What errors are relative to; 1 for a result that is all zeros.
  @inlinable
  public func size(of truth: some Sequence<Double>) -> Double {
    let size = combined(truth)
    return size == 0 ? 1 : size
  }

  /// The error of `values`; infinite if one is not a number.
  @inlinable
  func error(_ values: some Sequence<Float>, _ truth: some Sequence<Double>) -> Double {
    combined(zip(values, truth).lazy.map { Double($0) - $1 })
  }

  /// The differences or elements as one number; infinite if one is not a number.
  @inlinable
  public func combined(_ values: some Sequence<Double>) -> Double {
    switch self {
    case .rootMeanSquare:
      var (sum, count) = (0.0, 0)
      for value in values {
        sum += value * value
        count += 1
      }
      guard count > 0 else { return 0 }
      let mean = sum / Double(count)
      return mean.isNaN ? .infinity : mean.squareRoot()
    case .largest:
      return values.reduce(0) { $1.isNaN ? .infinity : max($0, abs($1)) }
    }
  }
}
