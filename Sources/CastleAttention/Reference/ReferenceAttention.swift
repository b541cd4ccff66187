public import RealModule

/// Attention as it is defined, in any precision: what every fast form is compared with.
///
/// Slow on purpose: nothing here is rearranged. ``recurrent(_:mechanism:documents:results:)`` is
/// Equations (1)–(3) word for word, ``parallel(_:mechanism:documents:results:)`` is (4)–(5).
public enum ReferenceAttention {
  /// x · y.
  @inlinable
  static func dot<Scalar: Real>(
    _ x: UnsafeMutablePointer<Scalar>, _ y: UnsafeMutablePointer<Scalar>, _ count: Int
  ) -> Scalar {
    var sum: Scalar = 0
    for i in 0..<count { sum += x[i] * y[i] }
    return sum
  }

  /// y ← y + a x.
  @inlinable
  static func add<Scalar: Real>(
    _ a: Scalar, _ x: UnsafeMutablePointer<Scalar>, to y: UnsafeMutablePointer<Scalar>, _ count: Int
  ) {
    for i in 0..<count { y[i] += a * x[i] }
  }

  /// 1 / (1 + e^−x), without overflow on either side.
  @inlinable
  static func sigmoid<Scalar: Real>(_ x: Scalar) -> Scalar {
    let e = Scalar.exp(x < 0 ? x : -x)
    return x < 0 ? e / (1 + e) : 1 / (1 + e)
  }

  /// SiLU(x) = x σ(x), or x itself in the ablation without it.
  @inlinable
  static func activation<Scalar: Real>(_ x: Scalar, _ mechanism: Mechanism) -> Scalar {
    mechanism.appliesSiLU ? x * sigmoid(x) : x
  }

  /// SiLU'(x) = σ(x) (1 + x (1 − σ(x))), or 1 in the ablation without it.
  @inlinable
  static func activationSlope<Scalar: Real>(_ x: Scalar, _ mechanism: Mechanism) -> Scalar {
    guard mechanism.appliesSiLU else { return 1 }
    let s = sigmoid(x)
    return s * (1 + x * (1 - s))
  }

  /// scores ← softmax(scores); the result is their log-sum-exp.
  @inlinable
  static func softmax<Scalar: Real>(_ scores: inout ArraySlice<Scalar>) -> Scalar {
    let largest = scores.reduce(-Scalar.infinity) { $0 < $1 ? $1 : $0 }
    var sum: Scalar = 0
    for s in scores.indices {
      scores[s] = Scalar.exp(scores[s] - largest)
      sum += scores[s]
    }
    for s in scores.indices { scores[s] /= sum }
    return largest + Scalar.log(sum)
  }
}
