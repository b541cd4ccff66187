package import CastleAttention
package import CastleTensors

extension CPUBackend: PanelBackend {
  /// Attention to the keys of `share`. See ``PanelBackend``.
  package func panelAttention(
    _ projections: PanelProjections, share: PanelShare, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?
  ) {
    let layout = projections.own.layout
    blockedAttention(mechanism).forward(
      projections.views(), share: share, documents: documents,
      results: AttentionResults(
        output: output.heads(layout.queryHeads, size: layout.headSize),
        logSumExp: logSumExp.heads(layout.queryHeads, size: 1),
        lookaheadKeys: lookaheadKeys.map { $0.heads(layout.kvHeads, size: layout.headSize) }))
  }

  /// The gradients through the keys of `share`. See ``PanelBackend``.
  package func panelAttentionBackward(
    _ dOutput: Matrix, _ projections: PanelProjections, share: PanelShare, mechanism: Mechanism,
    documents: Documents, logSumExp: Matrix, delta: Matrix, lookaheadKeys: Matrix?,
    gradients: PanelProjections
  ) {
    let layout = projections.own.layout
    blockedAttention(mechanism).backward(
      dOutput.heads(layout.queryHeads, size: layout.headSize), projections.views(), share: share,
      documents: documents, logSumExp: logSumExp.heads(layout.queryHeads, size: 1),
      delta: delta.heads(layout.queryHeads, size: 1),
      lookaheadKeys: lookaheadKeys.map { $0.heads(layout.kvHeads, size: layout.headSize) },
      gradients: gradients.views())
  }

  /// Attention to all keys, from that to each share. See ``PanelBackend``.
  package func combinePanels(_ parts: [Matrix], headSize: Int, output: Matrix, logSumExp: Matrix) {
    let (width, heads) = (output.columnCount, logSumExp.columnCount)
    forEachRows(output.rowCount, columns: width * parts.count) { rows in
      PanelResults.combine(
        parts.map { part in
          let part = part.rows(rows)
          return (
            part.columns(0..<width).heads(heads, size: headSize),
            part.columns(width..<width + heads).heads(heads, size: 1)
          )
        },
        output: output.rows(rows).heads(heads, size: headSize),
        logSumExp: logSumExp.rows(rows).heads(heads, size: 1))
    }
  }

  /// dO · o. See ``PanelBackend``.
  package func attentionDelta(_ dOutput: Matrix, output: Matrix, headSize: Int, into delta: Matrix) {
    let heads = delta.columnCount
    forEachRows(output.rowCount, columns: output.columnCount) { rows in
      PanelResults.delta(
        dOutput.rows(rows).heads(heads, size: headSize), output.rows(rows).heads(heads, size: headSize),
        into: delta.rows(rows).heads(heads, size: 1))
    }
  }
}

extension PanelProjections {
  fileprivate func views() -> AttentionProjections<Float> {
    let layout = own.layout
    func view(_ matrix: Matrix) -> HeadView<Float> { matrix.heads(layout.kvHeads, size: layout.headSize) }
    return AttentionProjections(
      lookahead: lookahead.flatMap { all in
        own.lookahead.map { .init(qu: view($0.qu), ku: view(all.ku), vu: view(all.vu)) }
      }, qc: queries.heads(layout.queryHeads, size: layout.headSize), kc: view(own.kc), vc: view(own.vc))
  }
}
