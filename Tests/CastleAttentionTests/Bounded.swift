import Foundation

/// A number, and how far from it a computation in single precision can be.
struct Bounded {
  var value = 0.0
  var error = 0.0

  static func + (x: Bounded, y: Bounded) -> Bounded {
    Bounded(value: x.value + y.value, error: x.error + y.error)
  }

  static func - (x: Bounded, y: Bounded) -> Bounded {
    Bounded(value: x.value - y.value, error: x.error + y.error)
  }

  static func += (x: inout Bounded, y: Bounded) { x = x + y }
}

/// Arithmetic with bounds, to first order (Higham, "Accuracy and Stability of Numerical Algorithms", chapter
/// 3).
///
/// A computed sum of products is off by at most n ε/2 times the sum of their magnitudes, plus what the
/// factors are off by, where n is the number of roundings that a term goes through. So every product is
/// charged with n ε/2 of itself, and sums cost nothing more.
struct BoundedArithmetic {
  /// n ε/2.
  private let unit: Double

  init(roundings: Int) { unit = Double(roundings) * Double(Float.ulpOfOne) / 2 }

  /// What `value` is charged with.
  func rounding(_ value: Double) -> Double { unit * abs(value) }

  func product(_ x: Bounded, _ y: Bounded) -> Bounded {
    let value = x.value * y.value
    return Bounded(
      value: value, error: abs(x.value) * y.error + x.error * abs(y.value) + unit * abs(value))
  }

  func product(_ x: Bounded, _ y: Double) -> Bounded { product(x, Bounded(value: y)) }

  /// x · y of exact vectors.
  func dot(_ x: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>, _ count: Int) -> Bounded {
    var sum = Bounded()
    for i in 0..<count {
      sum.value += x[i] * y[i]
      sum.error += unit * abs(x[i] * y[i])
    }
    return sum
  }

  /// Σ x[i] y[i] over a range of places.
  func dot(_ x: [Bounded], _ y: [Bounded], in range: Range<Int>) -> Bounded {
    var sum = Bounded()
    for i in range { sum += product(x[i], y[i]) }
    return sum
  }

  /// Adds `factor` · `row` to `target` in a range of places.
  func add(_ factor: Bounded, _ row: [Bounded], to target: inout [Bounded], in range: Range<Int>) {
    for i in range { target[i] += product(factor, row[i]) }
  }

  func sigmoid(_ x: Bounded) -> Bounded {
    let value = 1 / (1 + Foundation.exp(-x.value))
    return Bounded(value: value, error: value * (1 - value) * x.error + unit * value)
  }

  func exp(_ x: Bounded) -> Bounded {
    let value = Foundation.exp(x.value)
    return Bounded(value: value, error: value * (x.error + unit))
  }

  /// log Σ exp.
  func logSumExp(_ x: some Collection<Bounded>) -> Bounded {
    let largest = x.reduce(-Double.infinity) { max($0, $1.value) }
    let value = largest + log(x.reduce(0) { $0 + Foundation.exp($1.value - largest) })
    let error = x.reduce(0) { $0 + Foundation.exp($1.value - value) * $1.error }
    return Bounded(value: value, error: error + unit * (1 + abs(value)))
  }
}
