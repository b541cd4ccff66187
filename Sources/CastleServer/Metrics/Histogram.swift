/// Counts of observations up to certain values, as Prometheus has them.
struct Histogram: Sendable {
  private let bounds: [Double]
  private var counts: [Int]
  private var sum = 0.0

  /// A histogram with the given upper bounds, in increasing order; one without a bound follows them.
  init(bounds: [Double]) {
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  /// Bounds for times, from 1 ms to 10 minutes, in seconds.
  static let seconds: [Double] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
  ]

  /// Counts a value.
  mutating func observe(_ value: Double) {
    counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
    sum += value
  }

  /// The lines of Prometheus's text form.
  func lines(_ name: String) -> [String] {
    var total = 0
    var lines: [String] = []
    for (bound, count) in zip(bounds + [.infinity], counts) {
      total += count
      lines.append("\(name)_bucket{le=\"\(bound == .infinity ? "+Inf" : String(bound))\"} \(total)")
    }
    return lines + ["\(name)_sum \(sum)", "\(name)_count \(total)"]
  }
}
