import CastleKernels

/// Where a block of queries is relative to a panel of keys.
///
/// The window of the mechanism is applied here: ``read`` bounds the products with G⊤, ``scores`` those of the
/// innermost loops, and ``movesKeys`` leaves out the blocks that no key of the panel reaches.
struct BlockPair {
  /// The queries and the keys.
  let rows, keys: Int
  /// The keys in whole vectors.
  let width: Int
  /// The shape of the block of scores.
  let scores: castle_scores
  /// Where scores exist: a query sees the keys up to its own, as far back as the mechanism says.
  let visible: castle_band
  /// Whether some query does not see a key for being too far behind.
  let hidesKeys: Bool
  /// Where G⊤ is not zero: a key reads the tokens after its own, as far as the window reaches.
  let read: castle_band
  /// Whether some key reads some token of the block: otherwise G is zero and U stands still.
  let movesKeys: Bool
  /// Whether U is zero before the block, as no token came between it and the first key.
  let beginsKeys: Bool

  /// The pair of the tokens `rows` and `columns`, counted from the start of the document.
  init(_ context: BlockContext, rows: Range<Int>, columns: Range<Int>) {
    let mechanism = context.mechanism
    let diagonal = rows.lowerBound - columns.lowerBound
    self.rows = rows.count
    keys = columns.count
    width = context.kernels.padded(columns.count)
    scores = castle_scores(
      rows: rows.count, columns: columns.count, diagonal: diagonal, window: mechanism.windowLength,
      silu: mechanism.appliesSiLU ? 1 : 0)
    visible =
      mechanism.visibleTokens.map { .last($0, before: diagonal + 1) } ?? .before(diagonal + 1)
    hidesKeys = rows.upperBound - 1 - columns.lowerBound >= mechanism.visibleLength
    read = .last(mechanism.windowLength, before: diagonal)
    movesKeys = mechanism.reads(distance: max(1, rows.lowerBound - (columns.upperBound - 1)))
    beginsKeys = diagonal == 0
  }
}

extension BlockContext {
  /// Q^C K^C⊤.
  func causalScores(_ pair: BlockPair, _ queries: Rows, _ kc: Rows, into causal: Rows) {
    guard mechanism.usesCausalKeys else {
      causal.base.update(repeating: 0, count: pair.rows * causal.stride)
      return
    }
    kernels.multiply(
      pair.rows, pair.width, into: causal, band: pair.visible, .product(queries, kc, depth: headSize))
    hideKeys(pair, in: causal, by: -.infinity)
  }

  /// Puts `value` where a key is too far behind for a query.
  func hideKeys(_ pair: BlockPair, in block: Rows, by value: Float) {
    guard pair.hidesKeys else { return }
    for row in 0..<pair.rows {
      let first = max(0, min(pair.keys, pair.visible.begin + row))
      (block.base + row * block.stride).update(repeating: value, count: first)
    }
  }

  /// S = Q^C U + E G⊤, where U is what the keys were before the block.
  func lookaheadScores(
    _ pair: BlockPair, _ queries: Rows, _ u: Rows, e: Rows, gate: Rows, into lookahead: Rows
  ) {
    let before = castle_term.product(queries, u, depth: headSize)
    let within = castle_term.product(e, gate, depth: pair.rows, left: .lowerTriangle, right: pair.read)
    func form(_ first: castle_term, _ second: castle_term? = nil) {
      kernels.multiply(pair.rows, pair.width, into: lookahead, band: pair.visible, first, second)
    }
    switch (pair.beginsKeys, pair.movesKeys) {
    case (true, _): form(within)
    case (false, true): form(before, within)
    case (false, false): form(before)
    }
  }
}
