import Foundation

/// What the sums that a backward sweep gathers are multiplied by to be gradients.
///
/// A score in units of ln 2 is the product of a scaled operand (q^C, or k^U for gates) with one that is not
/// (k^C and u, or q^U), while the sweep takes derivatives by scores in units of 1. So the sum for the second
/// operand lacks ln 2, and that for the scaled one its scale besides. The gradient of U is gathered without
/// its ln 2: the sums for q^U and k^U, which follow from it, lack one more.
struct GradientFactors {
  /// For k^C and v^U.
  let key: Float
  /// For q^C.
  let query: Float
  /// For q^U.
  let gateQuery: Float
  /// For k^U.
  let gateKey: Float

  /// - Parameter scale: ``BlockContext/scale``.
  init(scale: Float) {
    let ln2 = log(2.0)
    key = Float(ln2)
    query = Float(ln2 * Double(scale))
    gateQuery = Float(ln2 * ln2)
    gateKey = Float(ln2 * ln2 * Double(scale))
  }
}
