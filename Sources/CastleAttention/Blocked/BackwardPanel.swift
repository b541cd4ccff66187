/// A panel of keys with what the backward sweep knows and gathers about it: gradients up to
/// ``GradientFactors``.
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
