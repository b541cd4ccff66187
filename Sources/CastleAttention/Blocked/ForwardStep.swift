import CastleKernels

/// A panel of keys: neighbouring tokens, most of them transposed, as the products want them.
struct KeyPanel {
  /// The tokens of the panel, counted from the start of the document.
  var tokens: Range<Int>
  /// q^U, (d, panel width). Read only while tokens in the window come.
  var qu: Rows
  /// k^C, (d, panel width).
  var kc: Rows
  /// The lookahead keys, (d, panel width): what the tokens so far have made of them.
  var u: Rows
  /// v^C, (tokens, d) in whole vectors.
  var vc: Rows

  /// The floats of scratch memory that a panel needs, in four pieces.
  static func scratchCount(_ context: BlockContext) -> Int {
    BlockGeometry.panelWidth * (3 * context.headSize + context.paddedSize)
  }

  /// A panel with memory from `arena`.
  init(_ context: BlockContext, arena: ScratchArena) {
    let width = BlockGeometry.panelWidth
    func columns() -> Rows { Rows(arena.take(context.headSize * width), stride: width) }
    (qu, kc, u) = (columns(), columns(), columns())
    vc = Rows(arena.take(width * context.paddedSize), stride: context.paddedSize)
    tokens = 0..<0
  }

  /// A panel that lies in memory elsewhere.
  init(tokens: Range<Int>, qu: Rows, kc: Rows, u: Rows, vc: Rows) {
    self.tokens = tokens
    self.qu = qu
    self.kc = kc
    self.u = u
    self.vc = vc
  }
}

/// The queries of one head group for a block of tokens, and what they have gathered so far.
struct QueryBlock {
  /// The tokens of the block, counted from the start of the document.
  var tokens: Range<Int>
  /// k^U times ``BlockContext/scale``, (tokens, d).
  var ku: Rows
  /// v^U, (tokens, d).
  var vu: Rows
  /// q^C of the first head of the group times ``BlockContext/scale``, (tokens, d); the next head is `queryHeadStride` on.
  var queries: Rows
  var queryHeadStride: Int
  /// E of the first head, (tokens, tokens).
  var e: Rows
  var eHeadStride: Int
  /// The weighted sum of values, (tokens, d) in whole vectors.
  var output: Rows
  var outputHeadStride: Int
  /// A score at most a little below the largest, in units of ln 2, and the sum of 2^(score − reference) so far, an element
  /// a token.
  var references: UnsafeMutablePointer<Float>
  var sums: UnsafeMutablePointer<Float>
  var statisticsHeadStride: Int
}

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
