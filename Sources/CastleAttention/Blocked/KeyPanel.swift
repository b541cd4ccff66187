/// A panel of keys: neighboring tokens, most of them transposed, as the products want them.
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

  /// A panel in memory elsewhere.
  init(tokens: Range<Int>, qu: Rows, kc: Rows, u: Rows, vc: Rows) {
    self.tokens = tokens
    self.qu = qu
    self.kc = kc
    self.u = u
    self.vc = vc
  }
}
