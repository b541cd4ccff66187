/// Statistics of numbers of equal standing. All are not a number where there are too few.
extension Collection<Double> {
  /// The sum over the count.
  package var mean: Double { reduce(0, +) / Double(count) }

  /// The middle one in order, or the mean of the two in the middle.
  package var median: Double {
    guard !isEmpty else { return .nan }
    let sorted = sorted()
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }

  /// The variance of what the numbers are a sample of, which takes two at least.
  package var sampleVariance: Double {
    let mean = mean
    return reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
  }
}
