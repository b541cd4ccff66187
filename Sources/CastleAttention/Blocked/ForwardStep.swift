import CastleKernels

/// One block of queries against one panel of keys, Equations (6)–(7).
struct ForwardStep {
  /// The floats of scratch memory that a step needs, in ``pieceCount`` pieces.
  static let scratchCount = 3 * BlockGeometry.blockRows * BlockGeometry.panelWidth
  static let pieceCount = 3

  private let context: BlockContext
  /// G⊤, Q^C K^C⊤ and then P, and S: each (block rows, panel width).
  private let gate: Rows
  private let causal: Rows
  private let lookahead: Rows

  init(_ context: BlockContext, arena: ScratchArena) {
    self.context = context
    let width = BlockGeometry.panelWidth
    func block() -> Rows { Rows(arena.take(BlockGeometry.blockRows * width), stride: width) }
    gate = block()
    causal = block()
    lookahead = block()
  }

  /// Adds the panel's share to the outputs of the group's `heads` heads, then moves the lookahead keys.
  func run(_ block: QueryBlock, heads: Int, panel: KeyPanel) {
    let kernels = context.kernels
    let d = context.headSize
    let pair = BlockPair(context, rows: block.tokens, columns: panel.tokens)
    var shape = pair.scores
    if pair.movesKeys {
      kernels.multiply(
        pair.rows, pair.width, into: gate, band: pair.read, .product(block.ku, panel.qu, depth: d))
      kernels.table.pointee.gate(&shape, gate.base)
    }
    for head in 0..<heads {
      let queries = block.queries.offset(head * block.queryHeadStride)
      context.causalScores(pair, queries, panel.kc, into: causal)
      if context.mechanism.hasLookahead {
        context.lookaheadScores(
          pair, queries, panel.u, e: block.e.offset(head * block.eHeadStride), gate: gate, into: lookahead)
      }
      let output = block.output.offset(head * block.outputHeadStride)
      let statistics = head * block.statisticsHeadStride
      kernels.table.pointee.softmax(
        &shape, causal.base, context.mechanism.hasLookahead ? lookahead.base : nil,
        block.references + statistics, block.sums + statistics, output.base, output.stride, context.paddedSize
      )
      kernels.multiply(
        pair.rows, context.paddedSize, into: output, CASTLE_ADD,
        .product(causal, panel.vc, depth: pair.keys, left: pair.visible))
    }
    if pair.movesKeys {
      kernels.multiply(
        d, pair.width, into: panel.u, CASTLE_ADD,
        .transposedProduct(block.vu, gate, depth: pair.rows, right: pair.read))
    }
  }
}
