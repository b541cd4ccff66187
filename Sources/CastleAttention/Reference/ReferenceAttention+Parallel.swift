public import RealModule

extension ReferenceAttention {
  /// Attention as dense matrices, Equations (4)–(5).
  ///
  /// Parameters as for ``recurrent(_:mechanism:documents:results:)``.
  /// - Complexity: O(L³ + L² d) time and O(L²) memory for each head.
  @inlinable
  public static func parallel<Scalar: Real>(
    _ projections: AttentionProjections<Scalar>, mechanism: Mechanism, documents: Documents,
    results: AttentionResults<Scalar>
  ) {
    let shape = AttentionShape(projections, mechanism: mechanism)
    shape.check(documents)
    shape.check(results)
    for batch in 0..<shape.batch {
      for queryHead in 0..<shape.queryHeads {
        for document in documents.ranges {
          let dense = DenseHead(
            projections, mechanism: mechanism, shape: shape, batch: batch, queryHead: queryHead,
            document: document)
          dense.store(in: results)
        }
      }
    }
  }

  /// The gradients of Σ o · dO with respect to all projections, by the chain rule on (4)–(5).
  ///
  /// - Parameters:
  ///   - dOutput: The gradient of o, (B, Hq, L, d).
  ///   - gradients: Where the gradients go, in the shapes of the projections; overwritten, but for those of
  ///     projections that the mechanism does not read.
  @inlinable
  public static func parallelBackward<Scalar: Real>(
    _ dOutput: HeadView<Scalar>, _ projections: AttentionProjections<Scalar>, mechanism: Mechanism,
    documents: Documents, gradients: AttentionProjections<Scalar>
  ) {
    let shape = AttentionShape(projections, mechanism: mechanism)
    shape.check(documents)
    shape.check(dOutput: dOutput, gradients: gradients, mechanism: mechanism)
    gradients.clear(for: mechanism)
    for batch in 0..<shape.batch {
      for queryHead in 0..<shape.queryHeads {
        for document in documents.ranges {
          let dense = DenseHead(
            projections, mechanism: mechanism, shape: shape, batch: batch, queryHead: queryHead,
            document: document)
          dense.addGradients(dOutput, to: gradients)
        }
      }
    }
  }
}

extension AttentionProjections {
  /// Sets every element of every projection that `mechanism` reads to zero.
  @inlinable
  func clear(for mechanism: Mechanism) where Scalar: ExpressibleByIntegerLiteral {
    let lookahead = mechanism.hasLookahead ? self.lookahead : nil
    let all = [lookahead?.qu, lookahead?.ku, lookahead?.vu, qc, kc, vc]
    for view in all.compactMap({ $0 }) {
      for batch in 0..<view.batch {
        for head in 0..<view.heads {
          for t in 0..<view.length { view.token(batch, head, t).update(repeating: 0, count: view.size) }
        }
      }
    }
  }
}
