import CastleExperiments
import Testing

struct SeedStatisticsTests {
  /// The values of R's `t.test` and `sd`.
  @Test func intervalsAreStudents() {
    let sample = SeedStatistics([-0.1, -0.37, -0.47])
    #expect(abs(sample.mean - -0.3133333) < 1e-6 && sample.median == -0.37)
    #expect(abs((sample.standardDeviation ?? 0) - 0.1913984) < 1e-6)
    #expect(abs((sample.intervalHalfWidth ?? 0) - 0.4754592) < 1e-6)
    #expect(SeedStatistics([3]).intervalHalfWidth == nil && SeedStatistics([]).mean.isNaN)
  }

  /// Quantiles at 0.975 from the usual tables.
  @Test(arguments: [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (9, 2.26216), (30, 2.04227)])
  func theQuantileIsThatOfTheTable(freedom: Int, quantile: Double) {
    // Values ±1 in equal numbers have a mean of 0 and a known deviation.
    let values = (0...freedom).map { Double($0) }
    let sample = SeedStatistics(values)
    let expected = quantile * (sample.standardDeviation ?? 0) / Double(values.count).squareRoot()
    #expect(abs((sample.intervalHalfWidth ?? 0) / expected - 1) < 1e-5)
  }
}
