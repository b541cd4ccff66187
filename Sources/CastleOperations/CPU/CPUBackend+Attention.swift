public import CastleAttention
public import CastleTensors

extension CPUBackend {
  /// Attention over packed documents. See ``Backend``.
  public func attention(
    _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?
  ) {
    blockedAttention(mechanism).forward(
      projections.views(mechanism), documents: documents,
      results: projections.results(output, logSumExp, lookaheadKeys))
  }

  /// Overwrites `gradients`. See ``Backend``.
  public func attentionBackward(
    _ dOutput: Matrix, _ projections: ProjectionMatrices, mechanism: Mechanism, documents: Documents,
    output: Matrix, logSumExp: Matrix, lookaheadKeys: Matrix?, gradients: ProjectionMatrices
  ) {
    let layout = projections.layout
    blockedAttention(mechanism).backward(
      dOutput.heads(layout.queryHeads, size: layout.headSize), projections.views(mechanism),
      documents: documents, results: projections.results(output, logSumExp, lookaheadKeys),
      gradients: gradients.views(mechanism))
  }

  /// An empty cache for one layer of one sequence.
  public func makeAttentionCache(
    _ layout: HeadLayout, mechanism: Mechanism, capacity: Int
  ) -> any AttentionCache {
    CPUAttentionCache(
      LookaheadCache(
        mechanism: mechanism, queryHeads: layout.queryHeads, kvHeads: layout.kvHeads,
        headSize: layout.headSize, capacity: capacity, pool: pool, instructionSet: instructionSet,
        workspace: attentionWorkspace))
  }

  /// Appends document i of `projections` to `caches[i]` and attends from each of its tokens. See ``Backend``.
  public func attention(
    _ projections: ProjectionMatrices, documents: Documents, appendingTo caches: [any AttentionCache],
    output: Matrix
  ) {
    precondition(
      documents.ranges.count == caches.count && documents.length == output.rowCount,
      "documents do not fit the caches")
    let layout = projections.layout
    LookaheadCache.append(
      zip(caches, documents.ranges).map { cache, rows in
        guard let cache = (cache as? CPUAttentionCache)?.cache else {
          preconditionFailure("a cache of another backend")
        }
        return LookaheadCache.Addition(
          to: cache, projections.rows(rows).views(cache.mechanism),
          output: output.rows(rows).heads(layout.queryHeads, size: layout.headSize))
      })
  }

  func blockedAttention(_ mechanism: Mechanism) -> BlockedAttention {
    BlockedAttention(
      mechanism: mechanism, pool: pool, instructionSet: instructionSet, workspace: attentionWorkspace)
  }
}

/// The UQ-KV cache as the backend hands it out.
final class CPUAttentionCache: AttentionCache {
  let cache: LookaheadCache

  init(_ cache: LookaheadCache) { self.cache = cache }

  var length: Int { cache.length }
  var capacity: Int { cache.capacity }
  var byteCount: Int { cache.byteCount }
  func fork() -> any AttentionCache { CPUAttentionCache(cache.fork()) }
  func snapshot() { cache.snapshot() }
  func discardSnapshots() { cache.discardSnapshots() }
  func canTruncate(to length: Int) -> Bool { cache.canTruncate(to: length) }
  func truncate(to length: Int) { cache.truncate(to: length) }
}

extension Matrix {
  /// The columns as heads, (1, count, rows, size).
  func heads(_ count: Int, size: Int) -> HeadView<Float> {
    precondition(columnCount == count * size, "\(columnCount) columns are not \(count) heads of \(size)")
    return HeadView(
      hostAddress, batch: 1, heads: count, length: rowCount, size: size, batchStride: 0, headStride: size,
      tokenStride: rowStride)
  }
}

extension ProjectionMatrices {
  fileprivate func views(_ mechanism: Mechanism) -> AttentionProjections<Float> {
    func view(_ matrix: Matrix) -> HeadView<Float> { matrix.heads(layout.kvHeads, size: layout.headSize) }
    return AttentionProjections(
      lookahead: lookahead.map { .init(qu: view($0.qu), ku: view($0.ku), vu: view($0.vu)) },
      qc: qc.heads(layout.queryHeads, size: layout.headSize), kc: view(kc), vc: view(vc))
  }

  fileprivate func results(
    _ output: Matrix, _ logSumExp: Matrix, _ lookaheadKeys: Matrix?
  ) -> AttentionResults<Float> {
    AttentionResults(
      output: output.heads(layout.queryHeads, size: layout.headSize),
      logSumExp: HeadView(
        logSumExp.hostAddress, batch: 1, heads: logSumExp.rowCount, length: logSumExp.columnCount, size: 1,
        batchStride: 0, headStride: logSumExp.rowStride, tokenStride: 1),
      lookaheadKeys: lookaheadKeys.map { $0.heads(layout.kvHeads, size: layout.headSize) })
  }
}
