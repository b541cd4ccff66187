public import RealModule

/// One query head on one document as dense L × L matrices: the terms of Equations (4)–(5).
@usableFromInline
struct DenseHead<Scalar: Real> {
  /// A square matrix, zero at first.
  @usableFromInline
  struct Square {
    @usableFromInline let size: Int
    @usableFromInline var elements: [Scalar]

    @inlinable
    init(size: Int) {
      self.size = size
      elements = Array(repeating: 0, count: size * size)
    }

    @inlinable
    subscript(row: Int, column: Int) -> Scalar {
      get { elements[row * size + column] }
      set { elements[row * size + column] = newValue }
    }
  }

  @usableFromInline let x: AttentionProjections<Scalar>
  @usableFromInline let mechanism: Mechanism
  @usableFromInline let batch: Int
  @usableFromInline let queryHead: Int
  @usableFromInline let head: Int
  @usableFromInline let document: Range<Int>
  @usableFromInline let d: Int
  @usableFromInline let rootD: Scalar

  /// E[t, j] = q_t · v^U_j / √d for j ≤ t.
  @usableFromInline var e: Square
  /// G[s, j] = sigmoid(q^U_s · k^U_j / √d) for s < j ≤ s + W.
  @usableFromInline var g: Square
  /// S[t, s] = Σ_j E[t, j] G[s, j].
  @usableFromInline var s: Square
  /// P[t, s]: the softmax of the scores.
  @usableFromInline var p: Square
  /// The log-sum-exp of each row of scores.
  @usableFromInline var logSumExp: [Scalar] = []

  @inlinable
  init(
    _ projections: AttentionProjections<Scalar>, mechanism: Mechanism, shape: AttentionShape, batch: Int,
    queryHead: Int, document: Range<Int>
  ) {
    x = projections
    self.mechanism = mechanism
    self.batch = batch
    self.queryHead = queryHead
    head = queryHead / shape.group
    self.document = document
    d = shape.headSize
    rootD = Scalar.sqrt(Scalar(d))
    e = Square(size: document.count)
    g = e
    s = e
    p = e
    if mechanism.hasLookahead { formLookahead() }
    formScores()
  }

  /// The tokens that the key of `s` has read when the last of them is `t`: j = s+1 … min(s+W, t).
  @inlinable
  func read(by s: Int, upTo t: Int) -> Range<Int> {
    guard t > s else { return s + 1..<s + 1 }
    let last = mechanism.reads(distance: t - s) ? t : s + mechanism.windowLength
    return s + 1..<last + 1
  }

  /// The tokens that the query of `t` sees.
  @inlinable
  func seen(by t: Int) -> ClosedRange<Int> { max(0, t - mechanism.visibleLength + 1)...t }

  /// The features of a token of this document in a view that has a row for every query head.
  @inlinable
  func row(_ view: HeadView<Scalar>, _ token: Int) -> UnsafeMutablePointer<Scalar> {
    view.token(batch, queryHead, document.lowerBound + token)
  }

  /// The features of a token in a view that the whole group of query heads shares.
  @inlinable
  func keyRow(_ view: HeadView<Scalar>, _ token: Int) -> UnsafeMutablePointer<Scalar> {
    view.token(batch, head, document.lowerBound + token)
  }

  @inlinable
  mutating func formLookahead() {
    guard let lookahead = x.lookahead else { return }
    let length = document.count
    for t in 0..<length {
      for j in 0...t {
        e[t, j] = ReferenceAttention.dot(row(x.qc, t), keyRow(lookahead.vu, j), d) / rootD
      }
    }
    for s in 0..<length {
      for j in read(by: s, upTo: length - 1) {
        g[s, j] = ReferenceAttention.sigmoid(
          ReferenceAttention.dot(keyRow(lookahead.qu, s), keyRow(lookahead.ku, j), d) / rootD)
      }
    }
    for t in 0..<length {
      for s in 0...t {
        var sum: Scalar = 0
        for j in read(by: s, upTo: t) { sum += e[t, j] * g[s, j] }
        self.s[t, s] = sum
      }
    }
  }

  @inlinable
  mutating func formScores() {
    let length = document.count
    for t in 0..<length {
      let seen = seen(by: t)
      for s in seen {
        var a: Scalar = 0
        if mechanism.usesCausalKeys { a = ReferenceAttention.dot(row(x.qc, t), keyRow(x.kc, s), d) / rootD }
        if mechanism.hasLookahead { a -= ReferenceAttention.activation(self.s[t, s], mechanism) }
        p[t, s] = a
      }
      logSumExp.append(
        ReferenceAttention.softmax(&p.elements[t * length + seen.lowerBound...t * length + t]))
    }
  }

  @inlinable
  func store(in results: AttentionResults<Scalar>) {
    let length = document.count
    for t in 0..<length {
      let output = row(results.output, t)
      output.update(repeating: 0, count: d)
      for s in seen(by: t) { ReferenceAttention.add(p[t, s], keyRow(x.vc, s), to: output, d) }
      row(results.logSumExp, t)[0] = logSumExp[t]
    }
    guard mechanism.hasLookahead, let lookahead = x.lookahead, let keys = results.lookaheadKeys else {
      return
    }
    for s in 0..<length {
      let u = keyRow(keys, s)
      u.update(repeating: 0, count: d)
      for j in read(by: s, upTo: length - 1) {
        ReferenceAttention.add(g[s, j], keyRow(lookahead.vu, j), to: u, d)
      }
    }
  }
}
