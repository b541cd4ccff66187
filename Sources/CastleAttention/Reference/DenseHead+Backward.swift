extension DenseHead {
  /// Adds this head's share of the gradients of Σ o · dO.
  @inlinable
  func addGradients(_ dOutput: HeadView<Scalar>, to gradients: AttentionProjections<Scalar>) {
    let dA = scoreGradients(dOutput)
    let length = document.count
    for t in 0..<length {
      for s in seen(by: t) {
        ReferenceAttention.add(p[t, s], row(dOutput, t), to: keyRow(gradients.vc, s), d)
        guard mechanism.usesCausalKeys else { continue }
        ReferenceAttention.add(dA[t, s] / rootD, keyRow(x.kc, s), to: row(gradients.qc, t), d)
        ReferenceAttention.add(dA[t, s] / rootD, row(x.qc, t), to: keyRow(gradients.kc, s), d)
      }
    }
    if mechanism.hasLookahead { addLookaheadGradients(dA, to: gradients) }
  }

  /// dA = P ⊙ (dO Vᵀ − Δ), with Δ_t = dO_t · o_t.
  @inlinable
  func scoreGradients(_ dOutput: HeadView<Scalar>) -> Square {
    var dA = Square(size: document.count)
    for t in 0..<document.count {
      var delta: Scalar = 0
      for s in seen(by: t) {
        dA[t, s] = ReferenceAttention.dot(row(dOutput, t), keyRow(x.vc, s), d)
        delta += p[t, s] * dA[t, s]
      }
      for s in seen(by: t) { dA[t, s] = p[t, s] * (dA[t, s] - delta) }
    }
    return dA
  }

  @inlinable
  func addLookaheadGradients(_ dA: Square, to gradients: AttentionProjections<Scalar>) {
    guard let lookahead = x.lookahead, let target = gradients.lookahead else { return }
    let length = document.count
    var dE = Square(size: length)
    var dG = Square(size: length)
    for t in 0..<length {
      for s in 0...t {
        let dS = -ReferenceAttention.activationSlope(self.s[t, s], mechanism) * dA[t, s]
        for j in read(by: s, upTo: t) {
          dE[t, j] += dS * g[s, j]
          dG[s, j] += dS * e[t, j]
        }
      }
    }
    for t in 0..<length {
      for j in 0...t {
        ReferenceAttention.add(dE[t, j] / rootD, keyRow(lookahead.vu, j), to: row(gradients.qc, t), d)
        ReferenceAttention.add(dE[t, j] / rootD, row(x.qc, t), to: keyRow(target.vu, j), d)
      }
    }
    for s in 0..<length {
      for j in read(by: s, upTo: length - 1) {
        let dZ = dG[s, j] * g[s, j] * (1 - g[s, j]) / rootD
        ReferenceAttention.add(dZ, keyRow(lookahead.ku, j), to: keyRow(target.qu, s), d)
        ReferenceAttention.add(dZ, keyRow(lookahead.qu, s), to: keyRow(target.ku, j), d)
      }
    }
  }
}
