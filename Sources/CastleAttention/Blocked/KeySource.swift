/// Where the panels of keys of a forward pass come from and where their lookahead keys go.
protocol KeySource {
  /// The panel `index` of a task. `scratch` has room for one panel, for sources that keep none.
  func panel(_ index: Int, tokens: Range<Int>, task: HeadTask, scratch: KeyPanel) -> KeyPanel

  /// Whether there are keys of the panel `index` of a task: some sources have a part of them.
  func has(_ index: Int, task: HeadTask) -> Bool

  /// Called when all blocks of queries have swept over `panel`.
  func finish(_ panel: KeyPanel, task: HeadTask)
}

extension KeySource {
  /// All panels.
  func has(_ index: Int, task: HeadTask) -> Bool { true }
}

/// Keys made from the projections of the call: training, and prompts that are read at once.
struct ProjectedKeys: KeySource {
  let context: BlockContext
  let projections: AttentionProjections<Float>
  /// Where the final lookahead keys go, (B, H, L, d).
  let lookaheadKeys: HeadView<Float>?
  /// The panels that there are, where it is not all of them.
  var share: PanelShare?

  func has(_ index: Int, task: HeadTask) -> Bool { share.hasPanel(index, task: task) }

  func panel(_ index: Int, tokens: Range<Int>, task: HeadTask, scratch: KeyPanel) -> KeyPanel {
    let first = share.firstRow(ofKeys: tokens, task: task)
    func source(_ view: HeadView<Float>) -> Rows {
      Rows(view.token(task.batch, task.kvHead, first), stride: view.tokenStride)
    }
    var panel = scratch
    panel.tokens = tokens
    context.transposePanel(tokens.count, source(projections.kc), to: panel.kc)
    context.copy(tokens.count, source(projections.vc), to: panel.vc)
    if let lookahead = projections.lookahead, context.mechanism.hasLookahead {
      context.transposePanel(tokens.count, source(lookahead.qu), to: panel.qu)
      panel.u.base.update(repeating: 0, count: context.headSize * panel.u.stride)
    }
    return panel
  }

  func finish(_ panel: KeyPanel, task: HeadTask) {
    guard context.mechanism.hasLookahead, let view = lookaheadKeys else { return }
    let first = view.token(task.batch, task.kvHead, share.firstRow(ofKeys: panel.tokens, task: task))
    context.kernels.transpose(
      context.headSize, panel.tokens.count, panel.u, to: Rows(first, stride: view.tokenStride))
  }
}
