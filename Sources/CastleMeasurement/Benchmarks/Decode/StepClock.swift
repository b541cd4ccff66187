import CastleAttention
import CastleOperations
import CastleTensors

/// A backend that notes how long products with weights and attention over caches take.
final class StepClock: ForwardingBackend {
  let inner: any Backend
  /// Seconds since the last call of ``reset()``.
  private(set) var productSeconds = 0.0
  private(set) var attentionSeconds = 0.0

  init(_ inner: any Backend) { self.inner = inner }

  func reset() { (productSeconds, attentionSeconds) = (0, 0) }

  func multiply(_ x: Matrix, by weight: Weight, into y: Matrix) {
    productSeconds += ContinuousClock().measure { inner.multiply(x, by: weight, into: y) } / .seconds(1)
  }

  func attention(
    _ projections: ProjectionMatrices, documents: Documents, appendingTo caches: [any AttentionCache],
    output: Matrix
  ) {
    attentionSeconds +=
      ContinuousClock().measure {
        inner.attention(projections, documents: documents, appendingTo: caches, output: output)
      } / .seconds(1)
  }
}
