/// How much there is to do: what the roofline bounds of attention are made of.
///
/// The unit is one product of inner length d for every pair of a query and a key that it sees (Equations,
/// Work).
package struct AttentionWork {
  private let mechanism: Mechanism
  private let heads: Int
  private let length: Int
  private let headSize: Int

  /// The work of `heads` heads of `headSize` features on one document of `length` tokens.
  package init(mechanism: Mechanism, heads: Int, length: Int, headSize: Int) {
    self.mechanism = mechanism
    self.heads = heads
    self.length = length
    self.headSize = headSize
  }

  /// Units per pair that still moves a lookahead key, and per pair that does not.
  private static let forward = (moving: 5.5, still: 3.0, causal: 2.0)
  private static let backward = (moving: 15.5, still: 8.0, causal: 5.0)

  /// The pairs (s, t) with s ≤ t of one head, where t sees s.
  private var pairs: Double {
    let visible = Double(min(mechanism.visibleLength, length))
    return visible * Double(length) - visible * (visible - 1) / 2
  }

  /// The pairs with t ≤ s + W.
  private var movingPairs: Double {
    guard mechanism.hasLookahead else { return 0 }
    let reach = Double(min(mechanism.windowLength, length - 1))
    return Double(length) + reach * Double(length) - reach * (reach + 1) / 2
  }

  /// The floating-point operations of the forward pass.
  package var forwardOperations: Double { operations(Self.forward) }

  /// The floating-point operations of the backward pass.
  package var backwardOperations: Double { operations(Self.backward) }

  private func operations(_ units: (moving: Double, still: Double, causal: Double)) -> Double {
    let perHead =
      mechanism.hasLookahead
      ? units.moving * movingPairs + units.still * (pairs - movingPairs) : units.causal * pairs
    return perHead * 2 * Double(headSize) * Double(heads)
  }

  /// The bytes that appending one token to a cache of `length` tokens has to move: every cached row is read,
  /// and the lookahead keys in the window are written too.
  package var decodingBytes: Double {
    let moving = Double(min(mechanism.windowLength, length))
    let seen = Double(min(mechanism.visibleLength, length))
    let rows = mechanism.hasLookahead ? 3 * seen + 2 * moving : 2 * seen
    return rows * Double(headSize) * Double(heads) * Double(MemoryLayout<Float>.stride)
  }
}
