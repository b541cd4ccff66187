public import RealModule

extension ReferenceAttention {
  /// Attention token by token, Equations (1)–(3): every token first moves the lookahead keys, then attends.
  ///
  /// - Parameters:
  ///   - projections: The six projections, each (B, H, L, d).
  ///   - mechanism: Which attention.
  ///   - documents: The documents of every row, L tokens together.
  ///   - results: Where o, the log-sum-exp and, if they are wanted, the final lookahead keys go.
  /// - Complexity: O(L² d) time for each head.
  @inlinable
  public static func recurrent<Scalar: Real>(
    _ projections: AttentionProjections<Scalar>, mechanism: Mechanism, documents: Documents,
    results: AttentionResults<Scalar>
  ) {
    let shape = AttentionShape(projections, mechanism: mechanism)
    shape.check(documents)
    shape.check(results)
    for batch in 0..<shape.batch {
      for head in 0..<shape.kvHeads {
        for document in documents.ranges {
          recurrent(
            projections, mechanism: mechanism, shape: shape, batch: batch, head: head,
            document: document, results: results)
        }
      }
    }
  }

  @inlinable
  static func recurrent<Scalar: Real>(
    _ x: AttentionProjections<Scalar>, mechanism: Mechanism, shape: AttentionShape, batch: Int, head: Int,
    document: Range<Int>, results: AttentionResults<Scalar>
  ) {
    let d = shape.headSize
    let rootD = Scalar.sqrt(Scalar(d))
    let lookaheadKeys = UnsafeMutablePointer<Scalar>.allocate(capacity: document.count * d)
    lookaheadKeys.initialize(repeating: 0, count: document.count * d)
    defer { lookaheadKeys.deallocate() }
    func u(_ s: Int) -> UnsafeMutablePointer<Scalar> { lookaheadKeys + (s - document.lowerBound) * d }

    for t in document {
      // (1): token t is read by the keys of the tokens before it, as far as the window reaches.
      if let lookahead = x.lookahead, mechanism.hasLookahead {
        for s in document.lowerBound..<t where mechanism.reads(distance: t - s) {
          let gate = sigmoid(
            dot(lookahead.qu.token(batch, head, s), lookahead.ku.token(batch, head, t), d) / rootD)
          add(gate, lookahead.vu.token(batch, head, t), to: u(s), d)
        }
      }
      for queryHead in head * shape.group..<(head + 1) * shape.group {
        let query = x.qc.token(batch, queryHead, t)
        // (2)
        let seen = max(document.lowerBound, t - mechanism.visibleLength + 1)...t
        var scores = seen.map { s -> Scalar in
          let causal = mechanism.usesCausalKeys ? dot(query, x.kc.token(batch, head, s), d) / rootD : 0
          guard mechanism.hasLookahead else { return causal }
          return causal - activation(dot(query, u(s), d) / rootD, mechanism)
        }[...]
        // (3)
        results.logSumExp.token(batch, queryHead, t)[0] = softmax(&scores)
        let output = results.output.token(batch, queryHead, t)
        output.update(repeating: 0, count: d)
        for (s, p) in zip(seen, scores) {
          add(p, x.vc.token(batch, head, s), to: output, d)
        }
      }
    }
    if mechanism.hasLookahead, let target = results.lookaheadKeys {
      for s in document { target.token(batch, head, s).update(from: u(s), count: d) }
    }
  }
}
