import CastleTensors

/// The mean of numbers and its standard error.
public struct MeanEstimate: Sendable, Hashable {
  /// The mean.
  public var value: Double
  /// The standard error of the mean; nil if it is not known.
  public var standardError: Double?

  /// Bundles the two.
  public init(value: Double, standardError: Double?) {
    self.value = value
    self.standardError = standardError
  }

  /// The mean of independent numbers, at least one; its error from their sample variance, if there are two or
  /// more.
  init(of numbers: [Double]) {
    let isKnown = numbers.count > 1
    self.init(
      value: numbers.mean,
      standardError: isKnown ? (numbers.sampleVariance / Double(numbers.count)).squareRoot() : nil)
  }

  /// The mean of means, each of which counts the same.
  init(of means: [MeanEstimate]) {
    let count = Double(means.count)
    let errors = means.compactMap(\.standardError)
    let error = errors.reduce(0) { $0 + $1 * $1 }.squareRoot() / count
    self.init(
      value: means.reduce(0) { $0 + $1.value } / count,
      standardError: errors.count == means.count ? error : nil)
  }
}
