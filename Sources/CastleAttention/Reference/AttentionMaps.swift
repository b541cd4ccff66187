/// What one query head computes for every pair of tokens of a text, by the definition: the terms of
/// Equations (1)–(5).
///
/// Computed from the dense matrices of the reference, in double precision.
package struct AttentionMaps: Sendable {
  /// P[t, s]: how much token t attends to token s. Rows sum to 1.
  package let weights: LowerTriangle
  /// q_t · k_s / √d. Nil in the ablation without causal keys.
  package let causal: LowerTriangle?
  /// What the lookahead keys do. Nil for causal attention.
  package let lookahead: Lookahead?
  /// o, (L, d), row by row.
  package let output: [Double]

  /// The maps of lookahead keys.
  package struct Lookahead: Sendable {
    /// −SiLU(q_t · u_s^t / √d), or without SiLU −q_t · u_s^t / √d: what the lookahead key of s adds to the
    /// score.
    package let term: LowerTriangle
    /// G[s, j] in row j and column s: how far the gate of token s opens when token j is read. 0 on the
    /// diagonal and outside the window.
    package let gates: LowerTriangle
    /// E[t, j] = q_t · v^U_j / √d: what a key that takes over token j whole has for the query of token t.
    package let readings: LowerTriangle
  }

  private let mechanism: Mechanism

  /// The maps of the query head `queryHead` for the first sequence of `projections`, which is one document.
  ///
  /// Traps if the projections do not fit `mechanism` or have no such head.
  /// - Complexity: O(L³ + L² d) time and O(L²) memory.
  package init(_ projections: AttentionProjections<Double>, mechanism: Mechanism, queryHead: Int) {
    let shape = AttentionShape(projections, mechanism: mechanism)
    precondition((0..<shape.queryHeads).contains(queryHead), "no head \(queryHead)")
    let length = shape.length
    let head = DenseHead(
      projections, mechanism: mechanism, shape: shape, batch: 0, queryHead: queryHead, document: 0..<length)
    self.mechanism = mechanism
    weights = LowerTriangle(size: length) { head.p[$0, $1] }
    causal =
      !mechanism.usesCausalKeys
      ? nil
      : LowerTriangle(size: length) { t, s in
        ReferenceAttention.dot(head.row(projections.qc, t), head.keyRow(projections.kc, s), head.d)
          / head.rootD
      }
    lookahead =
      !mechanism.hasLookahead
      ? nil
      : Lookahead(
        term: LowerTriangle(size: length) { -ReferenceAttention.activation(head.s[$0, $1], mechanism) },
        gates: LowerTriangle(size: length) { j, s in head.g[s, j] },
        readings: LowerTriangle(size: length) { head.e[$0, $1] })
    output = (0..<length).flatMap { t in
      var o = [Double](repeating: 0, count: shape.headSize)
      o.withUnsafeMutableBufferPointer { o in
        for s in 0...t {
          ReferenceAttention.add(
            head.p[t, s], head.keyRow(projections.vc, s), to: o.baseAddress!, shape.headSize)
        }
      }
      return o
    }
  }

  /// How the lookahead term of one key moves for one query as the text is read: −SiLU(q · u_s^t / √d) for t =
  /// s … `query`, where q is the query of token `query`.
  ///
  /// It begins at 0, as u_s^s = 0, and ends at the element (`query`, `key`) of the map. Empty for causal
  /// attention. Traps unless 0 ≤ `key` ≤ `query` < L.
  package func trajectory(key: Int, query: Int) -> [Double] {
    precondition(key >= 0 && key <= query && query < weights.size, "no key \(key) before a query \(query)")
    guard let lookahead else { return [] }
    var sum = 0.0
    return (key...query).map { t in
      sum += Double(lookahead.gates[t, key]) * Double(lookahead.readings[query, t])
      return -ReferenceAttention.activation(sum, mechanism)
    }
  }
}
