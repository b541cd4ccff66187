/// E = tril(Q^C V^U⊤) for all blocks of a document and all heads of a group, or its gradient.
struct LookaheadWeights {
  /// (heads, blocks, block rows, block rows).
  private let base: UnsafeMutablePointer<Float>
  private let geometry: BlockGeometry

  private static let side = BlockGeometry.blockRows

  /// The floats that the weights of a document take.
  static func count(_ geometry: BlockGeometry, heads: Int) -> Int {
    heads * geometry.blockCount * side * side
  }

  /// From a head to the next.
  var headStride: Int { geometry.blockCount * Self.side * Self.side }

  init(_ geometry: BlockGeometry, heads: Int, arena: ScratchArena) {
    self.geometry = geometry
    base = arena.take(Self.count(geometry, heads: heads))
  }

  /// The square of one block, (block rows, block rows).
  subscript(head: Int, block: Int) -> Rows {
    Rows(base + head * headStride + block * Self.side * Self.side, stride: Self.side)
  }

  /// Sets everything to zero.
  func clear(heads: Int) {
    base.update(repeating: 0, count: heads * headStride)
  }

  /// The floats of scratch memory that ``form(_:block:queries:vu:heads:scratch:)`` needs.
  static func scratchCount(_ context: BlockContext) -> Int { context.headSize * side }

  /// Computes E of one block from the queries and v^U of the document's tokens.
  func form(
    _ context: BlockContext, block index: Int, queries: GroupRows, vu: GroupRows, heads: Int,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let columns = Rows(scratch, stride: Self.side)
    let block = geometry.block(index)
    let start = block.lowerBound - geometry.tokens.lowerBound
    context.transposePanel(block.count, vu.rows(0, from: start), to: columns)
    for head in 0..<heads {
      let e = self[head, index]
      context.kernels.multiply(
        block.count, context.kernels.padded(block.count), into: e, band: .lowerTriangle,
        .product(queries.rows(head, from: start), columns, depth: context.headSize))
      context.clearAboveDiagonal(block.count, e)
    }
  }
}
