/// Numbers of equal standing, such as the final losses of several seeds.
package struct SeedStatistics: Sendable, Hashable {
  /// The numbers.
  package let values: [Double]

  package init(_ values: [Double]) { self.values = values }

  package var count: Int { values.count }

  /// The mean; not a number if there is nothing.
  package var mean: Double { values.reduce(0, +) / Double(values.count) }

  /// The middle number, or the mean of the two in the middle; not a number if there is nothing.
  package var median: Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }

  /// The standard deviation, as one estimates it from a sample; nil for fewer than two numbers.
  package var standardDeviation: Double? {
    guard count > 1 else { return nil }
    let mean = mean
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
  }

  /// Half the width of the 95 % interval of the mean (Student, 1908); nil for fewer than two numbers.
  package var intervalHalfWidth: Double? {
    standardDeviation.map {
      StudentT.quantile(0.975, degreesOfFreedom: count - 1) * $0 / Double(count).squareRoot()
    }
  }
}
