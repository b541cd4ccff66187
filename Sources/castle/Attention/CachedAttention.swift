import CastleAttention
import CastleMeasurement
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
          mechanism: file.mechanism, queryHeads: projections.qc.heads, kvHeads: projections.kc.heads,
          headSize: projections.kc.size, capacity: document.count, pool: pool, workspace: workspace)
        for start in stride(from: document.lowerBound, to: document.upperBound, by: chunk) {
          let tokens = start..<min(start + chunk, document.upperBound)
          cache.append(
            projections.sequence(row).tokens(tokens), output: file.output.view.sequence(row).tokens(tokens),
            logSumExp: file.logSumExp.view.sequence(row).tokens(tokens))
        }
        if let keys = file.lookaheadKeys {
          cache.copyLookaheadKeys(to: keys.view.sequence(row).tokens(document))
        }
      }
    }
  }
}
