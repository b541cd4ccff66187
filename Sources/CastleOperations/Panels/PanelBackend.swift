package import CastleAttention
package import CastleTensors

/// A backend that computes attention to some panels of keys, for one of several processes that have the
/// others.
///
/// Tokens are those of packed documents. Numbers that queries and heads have are (tokens, query heads).
package protocol PanelBackend: Backend {
  /// What all tokens see of the keys of `share`, as if there were no others: `output`, (tokens, heads ·
  /// headSize), and `logSumExp`, −∞ where a token sees none of them. `lookaheadKeys`, of the tokens of the
  /// share, may be nil for causal attention.
  func panelAttention(
    _ projections: PanelProjections, share: PanelShare, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?)

  /// The gradients as far as they go through the keys of `share`: they overwrite `gradients`, but for those
  /// of projections that the mechanism does not read. `logSumExp` and `delta`, the dO · o, are those of all
  /// keys. `lookaheadKeys` may be overwritten.
  func panelAttentionBackward(
    _ dOutput: Matrix, _ projections: PanelProjections, share: PanelShare, mechanism: Mechanism,
    documents: Documents, logSumExp: Matrix, delta: Matrix, lookaheadKeys: Matrix?,
    gradients: PanelProjections)

  /// Attention of some tokens to all keys, from what they see of each share: `parts` have outputs and
  /// log-sum-exps side by side. These are to lie in matrices of their own.
  func combinePanels(_ parts: [Matrix], headSize: Int, output: Matrix, logSumExp: Matrix)

  /// `delta` ← dO · o of every query head.
  func attentionDelta(_ dOutput: Matrix, output: Matrix, headSize: Int, into delta: Matrix)
}

/// The projections of a layer, or their gradients, where a process has the keys of some tokens and the
/// queries of all.
package struct PanelProjections {
  /// All projections of its own tokens; q^U, k^C and v^C count.
  package var own: ProjectionMatrices
  /// q^C of all tokens.
  package var queries: Matrix
  /// k^U and v^U of all tokens; nil for causal attention.
  package var lookahead: (ku: Matrix, vu: Matrix)?

  /// Bundles the parts.
  package init(own: ProjectionMatrices, queries: Matrix, lookahead: (ku: Matrix, vu: Matrix)?) {
    self.own = own
    self.queries = queries
    self.lookahead = lookahead
  }
}
