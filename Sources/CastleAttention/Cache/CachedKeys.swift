/// The panels of a cache as keys of a forward pass, which moves their lookahead keys in place.
struct CachedKeys: KeySource {
  let context: BlockContext
  /// (heads, panels).
  let panels: [[CachedPanel]]

  func panel(_ index: Int, tokens: Range<Int>, task: HeadTask, scratch: KeyPanel) -> KeyPanel {
    let panel = panels[task.kvHead][index]
    let width = BlockGeometry.panelWidth
    func columns(_ memory: PanelMemory?) -> Rows {
      memory.map { Rows($0.base, stride: width) } ?? scratch.qu
    }
    let kc = columns(panel.keysAndValues)
    return KeyPanel(
      tokens: tokens, qu: columns(panel.queries), kc: kc, u: columns(panel.lookaheadKeys),
      vc: Rows(kc.base + context.headSize * width, stride: context.paddedSize))
  }

  func finish(_ panel: KeyPanel, task: HeadTask) {}
}
