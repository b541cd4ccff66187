package import CastleAttention

extension HeadView {
  /// Some tokens of one sequence. Traps if the view does not have them.
  package func window(_ row: Int, _ tokens: Range<Int>) -> HeadView {
    precondition((0..<batch).contains(row) && tokens.lowerBound >= 0 && tokens.upperBound <= length)
    return HeadView(
      token(row, 0, tokens.lowerBound), batch: 1, heads: heads, length: tokens.count, size: size,
      batchStride: 0, headStride: headStride, tokenStride: tokenStride)
  }
}

extension AttentionProjections {
  /// Some tokens of one sequence.
  package func window(_ row: Int, _ tokens: Range<Int>) -> AttentionProjections {
    AttentionProjections(
      lookahead: lookahead.map {
        Lookahead(
          qu: $0.qu.window(row, tokens), ku: $0.ku.window(row, tokens), vu: $0.vu.window(row, tokens))
      }, qc: qc.window(row, tokens), kc: kc.window(row, tokens), vc: vc.window(row, tokens))
  }
}
