import CastleKernels

/// One block of queries against one panel of keys, backwards: Equations (8).
///
/// On entry the panel's `u` is as it stands after the block, on return as before it. The first block, before
/// which `u` is zero, leaves it and its gradient alone.
struct BackwardStep {
  static let scratchCount = 6 * BlockGeometry.blockRows * BlockGeometry.panelWidth
  static let pieceCount = 6

  private let context: BlockContext
  /// G⊤, Q^C K^C⊤ and then P, S and then dS, dP and then dA, dG⊤ and then dZ⊤: each (block rows, panel
  /// width).
  private let gate, causal, lookahead, dProbability, dGate: Rows
  /// G, (panel width, block rows).
  private let gateColumns: Rows

  init(_ context: BlockContext, arena: ScratchArena) {
    self.context = context
    let (side, width) = (BlockGeometry.blockRows, BlockGeometry.panelWidth)
    func block() -> Rows { Rows(arena.take(side * width), stride: width) }
    (gate, causal, lookahead, dProbability, dGate) = (block(), block(), block(), block(), block())
    gateColumns = Rows(arena.take(side * width), stride: side)
  }

  /// Adds the block pair's share to all gradients of the group's `heads` heads.
  func run(_ block: BackwardBlock, heads: Int, panel: BackwardPanel) {
    let pair = BlockPair(context, rows: block.tokens, columns: panel.tokens)
    if pair.movesKeys { stepBack(block, panel: panel, pair) }
    for head in 0..<heads {
      scoreGradients(block, head: head, panel: panel, pair)
      keyAndQueryGradients(block, head: head, panel: panel, pair)
      if context.mechanism.hasLookahead { lookaheadGradients(block, head: head, panel: panel, pair) }
    }
    if pair.movesKeys { gateGradients(block, panel: panel, pair) }
  }

  /// Forms G, takes its share out of U, and passes the gradient of U on to v^U.
  private func stepBack(_ block: BackwardBlock, panel: BackwardPanel, _ pair: BlockPair) {
    let kernels = context.kernels
    let d = context.headSize
    var shape = pair.scores
    kernels.multiply(
      pair.rows, pair.width, into: gate, band: pair.read, .product(block.ku, panel.qu, depth: d))
    kernels.table.pointee.gate(&shape, gate.base)
    if !pair.beginsKeys {
      kernels.multiply(
        pair.keys, context.paddedSize, into: panel.uRows, CASTLE_SUBTRACT,
        .transposedProduct(gate, block.vu, depth: pair.rows, left: pair.read))
      kernels.transpose(pair.keys, d, panel.uRows, to: panel.u)
    }
    kernels.transpose(pair.rows, pair.width, gate, to: gateColumns)
    kernels.multiply(
      d, kernels.padded(pair.rows), into: block.dVU, CASTLE_ADD,
      .product(panel.dU, gateColumns, depth: pair.keys, right: pair.read.transposed))
  }

  /// Forms P, dA and dS.
  private func scoreGradients(_ block: BackwardBlock, head: Int, panel: BackwardPanel, _ pair: BlockPair) {
    let queries = block.queries.offset(head * block.queryHeadStride)
    context.causalScores(pair, queries, panel.kc, into: causal)
    if context.mechanism.hasLookahead {
      context.lookaheadScores(
        pair, queries, panel.u, e: block.e.offset(head * block.eHeadStride), gate: gate, into: lookahead)
    }
    context.kernels.multiply(
      pair.rows, pair.width, into: dProbability, band: pair.visible,
      .product(
        block.dOutput.offset(head * block.dOutputHeadStride), panel.vc, depth: context.headSize))
    context.hideKeys(pair, in: dProbability, by: 0)
    var shape = pair.scores
    let statistics = head * block.statisticsHeadStride
    context.kernels.table.pointee.softmax_backward(
      &shape, causal.base, context.mechanism.hasLookahead ? lookahead.base : nil, dProbability.base,
      block.logSumExp + statistics, block.delta + statistics)
  }

  private func keyAndQueryGradients(
    _ block: BackwardBlock, head: Int, panel: BackwardPanel, _ pair: BlockPair
  ) {
    let kernels = context.kernels
    let mechanism = context.mechanism
    let queries = block.queries.offset(head * block.queryHeadStride)
    let dOutput = block.dOutput.offset(head * block.dOutputHeadStride)
    kernels.multiply(
      pair.keys, context.paddedSize, into: panel.dVC, CASTLE_ADD,
      .transposedProduct(causal, dOutput, depth: pair.rows, left: pair.visible))
    if mechanism.usesCausalKeys {
      kernels.multiply(
        pair.keys, context.paddedSize, into: panel.dKC, CASTLE_ADD,
        .transposedProduct(dProbability, queries, depth: pair.rows, left: pair.visible))
    }
    let viaKeys = castle_term.product(dProbability, panel.kcRows, depth: pair.keys, left: pair.visible)
    let viaLookahead = castle_term.product(lookahead, panel.uRows, depth: pair.keys, left: pair.visible)
    func add(_ first: castle_term, _ second: castle_term? = nil) {
      kernels.multiply(
        pair.rows, context.paddedSize, into: block.dQueries.offset(head * block.dQueryHeadStride),
        CASTLE_ADD, first, second)
    }
    switch (mechanism.usesCausalKeys, mechanism.hasLookahead && !pair.beginsKeys) {
    case (true, true): add(viaKeys, viaLookahead)
    case (true, false): add(viaKeys)
    case (false, true): add(viaLookahead)
    case (false, false): break
    }
  }

  /// Adds to dE and dG, then to the gradient of U before the block.
  private func lookaheadGradients(
    _ block: BackwardBlock, head: Int, panel: BackwardPanel, _ pair: BlockPair
  ) {
    let kernels = context.kernels
    let d = context.headSize
    if pair.movesKeys {
      let (e, dE) = (block.e.offset(head * block.eHeadStride), block.dE.offset(head * block.eHeadStride))
      kernels.multiply(
        pair.rows, kernels.padded(pair.rows), into: dE, CASTLE_ADD, band: .lowerTriangle,
        .product(lookahead, gateColumns, depth: pair.keys, left: pair.visible, right: pair.read.transposed))
      let viaScores = castle_term.transposedProduct(
        e, lookahead, depth: pair.rows, left: .lowerTriangle, right: pair.visible)
      if head == 0 {
        kernels.multiply(
          pair.rows, pair.width, into: dGate, band: pair.read, .product(block.vu, panel.dU, depth: d),
          viaScores)
      } else {
        kernels.multiply(pair.rows, pair.width, into: dGate, CASTLE_ADD, band: pair.read, viaScores)
      }
    }
    guard !pair.beginsKeys else { return }
    let queries = block.queries.offset(head * block.queryHeadStride)
    kernels.multiply(
      d, pair.width, into: panel.dU, CASTLE_ADD,
      .transposedProduct(queries, lookahead, depth: pair.rows, right: pair.visible))
  }

  /// Passes dG on to q^U and k^U.
  private func gateGradients(_ block: BackwardBlock, panel: BackwardPanel, _ pair: BlockPair) {
    let kernels = context.kernels
    var shape = pair.scores
    kernels.table.pointee.gate_backward(&shape, gate.base, dGate.base)
    kernels.multiply(
      pair.keys, context.paddedSize, into: panel.dQU, CASTLE_ADD,
      .transposedProduct(dGate, block.ku, depth: pair.rows, left: pair.read))
    kernels.multiply(
      pair.rows, context.paddedSize, into: block.dKU, CASTLE_ADD,
      .product(dGate, panel.quRows, depth: pair.keys, left: pair.read))
  }
}
