import Foundation

/// Student's t distribution with a whole number of degrees of freedom.
enum StudentT {
  /// The probability that |T| ≤ `t` (Abramowitz and Stegun, 26.7.3 and 26.7.4).
  static func probabilityWithin(_ t: Double, degreesOfFreedom count: Int) -> Double {
    let angle = atan(t / Double(count).squareRoot())
    let (sine, cosine) = (sin(angle), cos(angle))
    let isOdd = !count.isMultiple(of: 2)
    var term = isOdd ? cosine : 1
    var sum = count == 1 ? 0 : term
    for power in stride(from: isOdd ? 3 : 2, to: count, by: 2) {
      term *= cosine * cosine * Double(power - 1) / Double(power)
      sum += term
    }
    return isOdd ? 2 / .pi * (angle + sine * sum) : sine * sum
  }

  /// The value that T does not exceed with a probability of `probability`, which is above a half.
  static func quantile(_ probability: Double, degreesOfFreedom count: Int) -> Double {
    let within = 2 * probability - 1
    var (low, high) = (0.0, 1.0)
    while probabilityWithin(high, degreesOfFreedom: count) < within { high *= 2 }
    for _ in 0..<200 where high - low > 1e-12 * high {
      let middle = (low + high) / 2
      if probabilityWithin(middle, degreesOfFreedom: count) < within { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}
