extension HeadView {
  /// Some tokens of every sequence: (batch, heads, `range.count`, size). Traps if the view does not have
  /// them.
  public func tokens(_ range: Range<Int>) -> HeadView {
    precondition(range.lowerBound >= 0 && range.upperBound <= length, "tokens outside the view")
    var part = self
    part.base += range.lowerBound * tokenStride
    part.length = range.count
    return part
  }

  /// One sequence: (1, heads, length, size). Traps if the view does not have it.
  public func sequence(_ index: Int) -> HeadView {
    precondition((0..<batch).contains(index), "a sequence outside the view")
    var part = self
    part.base += index * batchStride
    part.batch = 1
    return part
  }
}

extension AttentionProjections {
  /// Some tokens of every sequence, of all projections. Traps if they do not have them.
  public func tokens(_ range: Range<Int>) -> AttentionProjections { map { $0.tokens(range) } }

  /// One sequence of all projections. Traps if they do not have it.
  public func sequence(_ index: Int) -> AttentionProjections { map { $0.sequence(index) } }

  private func map(_ part: (HeadView<Scalar>) -> HeadView<Scalar>) -> AttentionProjections {
    AttentionProjections(
      lookahead: lookahead.map { Lookahead(qu: part($0.qu), ku: part($0.ku), vu: part($0.vu)) },
      qc: part(qc), kc: part(kc), vc: part(vc))
  }
}
