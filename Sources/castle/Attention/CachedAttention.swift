import CastleAttention
import CastleTensors

/// Attention through the UQ-KV cache, some tokens at a time: a cache for every document of every row.
struct CachedAttention {
  let file: AttentionFile<Float>
  /// How many tokens are appended at a time.
  let chunk: Int
  let pool: ThreadPool

  func run() {
    let projections = file.projections
    let workspace = AttentionWorkspace()
    for row in 0..<projections.kc.batch {
      for document in file.documents.ranges {
        let cache = LookaheadCache(
          mechanism: file.mechanism, queryHeads: projections.qc.heads, keyHeads: projections.kc.heads,
          headSize: projections.kc.size, capacity: document.count, pool: pool, workspace: workspace)
        for start in stride(from: document.lowerBound, to: document.upperBound, by: chunk) {
          let tokens = start..<min(start + chunk, document.upperBound)
          cache.append(
            projections.window(row, tokens), output: file.output.view.window(row, tokens),
            logSumExp: file.logSumExp.view.window(row, tokens))
        }
        if let keys = file.lookaheadKeys { cache.copyLookaheadKeys(to: keys.view.window(row, document)) }
      }
    }
  }
}

extension HeadView {
  /// Some tokens of one sequence.
  fileprivate func window(_ row: Int, _ tokens: Range<Int>) -> HeadView {
    HeadView(
      token(row, 0, tokens.lowerBound), batch: 1, heads: heads, length: tokens.count, size: size,
      batchStride: 0, headStride: headStride, tokenStride: tokenStride)
  }
}

extension AttentionProjections {
  fileprivate func window(_ row: Int, _ tokens: Range<Int>) -> AttentionProjections {
    AttentionProjections(
      lookahead: lookahead.map {
        Lookahead(
          qu: $0.qu.window(row, tokens), ku: $0.ku.window(row, tokens), vu: $0.vu.window(row, tokens))
      }, qc: qc.window(row, tokens), kc: kc.window(row, tokens), vc: vc.window(row, tokens))
  }
}
