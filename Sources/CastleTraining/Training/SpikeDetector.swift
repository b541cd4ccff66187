/// Detects outliers: values far above the recent ones.
///
/// The last ``capacity`` values are kept; until there are that many, nothing is an outlier. Add outliers like
/// any other value, so that a lasting rise soon counts as normal, as in OLMo-core's `SkipStepOptimizer`.
public struct SpikeDetector: Sendable, Hashable, Codable {
  /// The number of values that a new one is compared with.
  public static let capacity = 128

  private var values: [Double] = []
  private var next = 0

  /// A detector that has seen nothing.
  public init() {}

  /// The distance of `value` from the mean of the recent values in standard deviations, or nil if there are
  /// too few.
  public func deviation(of value: Double) -> Double? {
    guard values.count == Self.capacity else { return nil }
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    guard variance > 0 else { return value == mean ? 0 : .infinity }
    return (value - mean) / variance.squareRoot()
  }

  /// Remembers `value` in place of the oldest one.
  public mutating func add(_ value: Double) {
    if values.count < Self.capacity {
      values.append(value)
    } else {
      values[next] = value
      next = (next + 1) % Self.capacity
    }
  }
}
