public import RealModule

/// The operations of a model as they are defined, in any precision: what every backend is compared with.
///
/// Matrices are row-major arrays without gaps; the number of columns follows from a vector argument or is
/// given. Slow on purpose: nothing here is rearranged.
public enum ReferenceOperations {
  /// 1 / (1 + e^−x), without overflow on either side.
  @inlinable
  static func sigmoid<Scalar: Real>(_ x: Scalar) -> Scalar {
    let e = Scalar.exp(x < 0 ? x : -x)
    return x < 0 ? e / (1 + e) : 1 / (1 + e)
  }

  /// α · op(a) · op(b) + β · c, where op(a) is (rows, depth), op(b) is (depth, columns) and op transposes if
  /// asked.
  ///
  /// `c` is not read if β is 0.
  @inlinable
  public static func product<Scalar: Real>(
    _ a: [Scalar], transposed transposeA: Bool, _ b: [Scalar], transposed transposeB: Bool, rows: Int,
    columns: Int, depth: Int, alpha: Scalar, beta: Scalar, _ c: [Scalar]
  ) -> [Scalar] {
    var result: [Scalar] = []
    for i in 0..<rows {
      for j in 0..<columns {
        var sum: Scalar = 0
        for k in 0..<depth {
          sum +=
            a[transposeA ? k * rows + i : i * depth + k] * b[transposeB ? j * depth + k : k * columns + j]
        }
        result.append(alpha * sum + (beta == 0 ? 0 : beta * c[i * columns + j]))
      }
    }
    return result
  }

  /// Σ x².
  @inlinable
  public static func sumOfSquares<Scalar: Real>(_ x: [Scalar]) -> Scalar {
    x.reduce(0) { $0 + $1 * $1 }
  }
}
