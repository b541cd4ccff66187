/// One panel of a cached head. The three parts have lives of their own: keys and values stand still once the
/// panel is full, lookahead keys move as long as the window reaches, and q^U is dropped after that.
struct CachedPanel {
  /// k^C as columns, (d, panel width), and then v^C as rows, (panel width, d in whole vectors).
  var keysAndValues: PanelMemory?
  /// q^U as columns, (d, panel width), while the window reaches the panel.
  var queries: PanelMemory?
  /// The lookahead keys as columns, (d, panel width). Nil for causal attention.
  var lookaheadKeys: PanelMemory?

  init(_ context: BlockContext) {
    let columns = context.headSize * BlockGeometry.panelWidth
    keysAndValues = PanelMemory(count: columns + context.paddedSize * BlockGeometry.panelWidth)
    guard context.mechanism.hasLookahead else { return }
    queries = PanelMemory(count: columns)
    lookaheadKeys = PanelMemory(count: columns)
  }

  /// The bytes of a panel with all its parts, whatever the width of vectors.
  static func byteCount(headSize: Int, hasLookahead: Bool) -> Int {
    let widest = 16
    let paddedSize = (headSize + widest - 1) / widest * widest
    return BlockGeometry.panelWidth * (paddedSize + (hasLookahead ? 3 : 1) * headSize)
      * MemoryLayout<Float>.stride
  }

  /// The memory that there is.
  var memory: [PanelMemory] { [keysAndValues, queries, lookaheadKeys].compactMap { $0 } }
}
