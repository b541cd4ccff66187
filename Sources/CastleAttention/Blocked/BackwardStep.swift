import CastleKernels

/// A panel of keys with what the backward sweep knows and gathers about it.
struct BackwardPanel {
  /// The tokens of the panel, counted from the start of the document.
  var tokens: Range<Int>
  /// q^U, k^C, v^C and the lookahead keys as columns, (d, panel width).
  var qu, kc, vc, u: Rows
  /// q^U, k^C and the lookahead keys as rows, (tokens, d) in whole vectors.
  var quRows, kcRows, uRows: Rows
  /// The gradient of the lookahead keys after the block at hand, (d, panel width).
  var dU: Rows
  /// The gradients of q^U, k^C and v^C, (tokens, d) in whole vectors.
  var dQU, dKC, dVC: Rows

  /// The floats of scratch memory that a panel needs, in ``pieceCount`` pieces.
  static func scratchCount(_ context: BlockContext) -> Int {
    BlockGeometry.panelWidth * (5 * context.headSize + 6 * context.paddedSize)
  }
  static let pieceCount = 11

  init(_ context: BlockContext, arena: ScratchArena) {
    let width = BlockGeometry.panelWidth
    func columns() -> Rows { Rows(arena.take(context.headSize * width), stride: width) }
    func rows() -> Rows { Rows(arena.take(width * context.paddedSize), stride: context.paddedSize) }
    tokens = 0..<0
    (qu, kc, vc, u, dU) = (columns(), columns(), columns(), columns(), columns())
    (quRows, kcRows, uRows) = (rows(), rows(), rows())
    (dQU, dKC, dVC) = (rows(), rows(), rows())
  }
}

/// The queries of one head group for a block of tokens, and the gradients that they gather.
///
/// What belongs to a query head is given for the first head of the group, with the distance to the next.
struct BackwardBlock {
  /// The tokens of the block, counted from the start of the document.
  var tokens: Range<Int>
  /// k^U and v^U, (tokens, d).
  var ku, vu: Rows
  /// q^C, (tokens, d), and its gradient.
  var queries, dQueries: Rows
  var queryHeadStride, dQueryHeadStride: Int
  /// dO, (tokens, d).
  var dOutput: Rows
  var dOutputHeadStride: Int
  /// E and its gradient, (tokens, tokens).
  var e, dE: Rows
  var eHeadStride: Int
  /// The log-sum-exp and Δ = dO · o, an element a token.
  var logSumExp, delta: UnsafeMutablePointer<Float>
  var statisticsHeadStride: Int
  /// The gradient of k^U, (tokens, d).
  var dKU: Rows
  /// The gradient of v^U that comes through U, (d, block rows).
  var dVU: Rows
}

/// One block of queries against one panel of keys, backwards: castle.md (8).
///
/// On entry the panel's `u` is as it stands after the block, on return as before it.
struct BackwardStep {
  static let scratchCount = 6 * BlockGeometry.blockRows * BlockGeometry.panelWidth
  static let pieceCount = 6

  private let context: BlockContext
  /// G⊤, Q^C K^C⊤ and then P, S and then dS, dP and then dA, dG⊤ and then dZ⊤: each (block rows, panel width).
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
    let moves = context.reads(rows: block.tokens, columns: panel.tokens)
    if moves { stepBack(block, panel: panel) }
    for head in 0..<heads {
      scoreGradients(block, head: head, panel: panel, moves: moves)
      keyAndQueryGradients(block, head: head, panel: panel)
      if context.mechanism.hasLookahead {
        lookaheadGradients(block, head: head, panel: panel, moves: moves)
      }
    }
    if moves { gateGradients(block, panel: panel) }
  }

  private func diagonal(_ block: BackwardBlock, _ panel: BackwardPanel) -> Int {
    block.tokens.lowerBound - panel.tokens.lowerBound
  }

  /// Forms G, takes its share out of U, and passes the gradient of U on to v^U.
  private func stepBack(_ block: BackwardBlock, panel: BackwardPanel) {
    let kernels = context.kernels
    let (rows, d) = (block.tokens.count, context.headSize)
    let width = kernels.padded(panel.tokens.count)
    var shape = context.scores(rows: block.tokens, columns: panel.tokens)
    kernels.multiply(
      rows, width, into: gate, before: diagonal(block, panel), .product(block.ku, panel.qu, depth: d))
    kernels.table.pointee.gate(&shape, context.mechanism.windowLength, gate.base)
    kernels.multiply(
      d, width, into: panel.u, CASTLE_SUBTRACT, .transposedProduct(block.vu, gate, depth: rows))
    kernels.transpose(d, panel.tokens.count, panel.u, to: panel.uRows)
    kernels.transpose(rows, width, gate, to: gateColumns)
    kernels.multiply(
      d, kernels.padded(rows), into: block.dVU, CASTLE_ADD,
      .product(panel.dU, gateColumns, depth: panel.tokens.count))
  }

  /// Forms P, dA and dS, the last two times 1/√d.
  private func scoreGradients(_ block: BackwardBlock, head: Int, panel: BackwardPanel, moves: Bool) {
    let kernels = context.kernels
    let (rows, d) = (block.tokens.count, context.headSize)
    let width = kernels.padded(panel.tokens.count)
    let diagonal = diagonal(block, panel)
    let queries = block.queries.offset(head * block.queryHeadStride)
    if context.mechanism.usesCausalKeys {
      kernels.multiply(
        rows, width, into: causal, before: diagonal + 1, .product(queries, panel.kc, depth: d))
    } else {
      causal.base.update(repeating: 0, count: rows * causal.stride)
    }
    if context.mechanism.hasLookahead {
      kernels.multiply(
        rows, width, into: lookahead, before: diagonal + 1, .product(queries, panel.u, depth: d),
        moves ? .product(block.e.offset(head * block.eHeadStride), gate, depth: rows, before: 1) : nil)
    }
    kernels.multiply(
      rows, width, into: dProbability, before: diagonal + 1,
      .product(block.dOutput.offset(head * block.dOutputHeadStride), panel.vc, depth: d))
    var shape = context.scores(rows: block.tokens, columns: panel.tokens)
    let statistics = head * block.statisticsHeadStride
    kernels.table.pointee.softmax_backward(
      &shape, causal.base, context.mechanism.hasLookahead ? lookahead.base : nil, dProbability.base,
      block.logSumExp + statistics, block.delta + statistics)
  }

  private func keyAndQueryGradients(_ block: BackwardBlock, head: Int, panel: BackwardPanel) {
    let kernels = context.kernels
    let rows = block.tokens.count
    let keys = panel.tokens.count
    let diagonal = diagonal(block, panel)
    let queries = block.queries.offset(head * block.queryHeadStride)
    kernels.multiply(
      keys, context.paddedSize, into: panel.dVC, CASTLE_ADD,
      .transposedProduct(
        causal, block.dOutput.offset(head * block.dOutputHeadStride), depth: rows, from: diagonal))
    let viaKeys = castle_term.product(dProbability, panel.kcRows, depth: keys, before: diagonal + 1)
    let viaLookahead = castle_term.product(lookahead, panel.uRows, depth: keys, before: diagonal + 1)
    let dQueries = block.dQueries.offset(head * block.dQueryHeadStride)
    switch (context.mechanism.usesCausalKeys, context.mechanism.hasLookahead) {
    case (true, true):
      kernels.multiply(rows, context.paddedSize, into: dQueries, CASTLE_ADD, viaKeys, viaLookahead)
    case (true, false):
      kernels.multiply(rows, context.paddedSize, into: dQueries, CASTLE_ADD, viaKeys)
    case (false, true):
      kernels.multiply(rows, context.paddedSize, into: dQueries, CASTLE_ADD, viaLookahead)
    case (false, false):
      return
    }
    if context.mechanism.usesCausalKeys {
      kernels.multiply(
        keys, context.paddedSize, into: panel.dKC, CASTLE_ADD,
        .transposedProduct(dProbability, queries, depth: rows, from: diagonal))
    }
  }

  /// Adds to dE and dG, then to the gradient of U before the block.
  private func lookaheadGradients(_ block: BackwardBlock, head: Int, panel: BackwardPanel, moves: Bool) {
    let kernels = context.kernels
    let (rows, d) = (block.tokens.count, context.headSize)
    let width = kernels.padded(panel.tokens.count)
    let diagonal = diagonal(block, panel)
    if moves {
      kernels.multiply(
        rows, kernels.padded(rows), into: block.dE.offset(head * block.eHeadStride), CASTLE_ADD, before: 1,
        .product(lookahead, gateColumns, depth: panel.tokens.count, before: diagonal + 1))
      let viaScores = castle_term.transposedProduct(
        block.e.offset(head * block.eHeadStride), lookahead, depth: rows, from: 0)
      if head == 0 {
        kernels.multiply(
          rows, width, into: dGate, before: diagonal, .product(block.vu, panel.dU, depth: d), viaScores)
      } else {
        kernels.multiply(rows, width, into: dGate, CASTLE_ADD, before: diagonal, viaScores)
      }
    }
    kernels.multiply(
      d, width, into: panel.dU, CASTLE_ADD,
      .transposedProduct(block.queries.offset(head * block.queryHeadStride), lookahead, depth: rows))
  }

  /// Passes dG on to q^U and k^U.
  private func gateGradients(_ block: BackwardBlock, panel: BackwardPanel) {
    let kernels = context.kernels
    let (rows, keys) = (block.tokens.count, panel.tokens.count)
    let diagonal = diagonal(block, panel)
    var shape = context.scores(rows: block.tokens, columns: panel.tokens)
    kernels.table.pointee.gate_backward(&shape, gate.base, dGate.base)
    kernels.multiply(
      keys, context.paddedSize, into: panel.dQU, CASTLE_ADD,
      .transposedProduct(dGate, block.ku, depth: rows, from: diagonal - 1))
    kernels.multiply(
      rows, context.paddedSize, into: block.dKU, CASTLE_ADD,
      .product(dGate, panel.quRows, depth: keys, before: diagonal))
  }
}
