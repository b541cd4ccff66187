import CastleTensors

/// Numbers of equal standing, such as the final losses of several seeds.
package struct SeedStatistics: Sendable, Hashable {
  /// The numbers.
  package let values: [Double]

  package init(_ values: [Double]) { self.values = values }

  package var count: Int { values.count }

  /// The mean; not a number if there is nothing.
  package var mean: Double { values.mean }

  /// The middle number, or the mean of the two in the middle; not a number if there is nothing.
  package var median: Double { values.median }

  /// The standard deviation, as one estimates it from a sample; nil for fewer than two numbers.
  package var standardDeviation: Double? {
    count > 1 ? values.sampleVariance.squareRoot() : nil
  }

  /// Half the width of the 95 % interval of the mean (Student, 1908); nil for fewer than two numbers.
  package var intervalHalfWidth: Double? {
    standardDeviation.map {
      StudentT.quantile(0.975, degreesOfFreedom: count - 1) * $0 / Double(count).squareRoot()
    }
  }
}
