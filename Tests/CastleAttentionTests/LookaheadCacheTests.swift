import CastleAttention
import CastleTensors
import Testing

@Suite(.serialized)
struct LookaheadCacheTests {
  static let mechanisms: [Mechanism] = [
    .causal, .castle, .slidingWindow(1), .slidingWindow(40), .slidingWindow(100),
    Mechanism(window: .unlimited, appliesSiLU: false, usesCausalKeys: true),
  ]

  /// A problem, a cache that fits it, and the results of one blocked pass.
  struct Setup {
    let problem: AttentionProblem<Float>
    let cached: AttentionProblem<Float>
    let cache: LookaheadCache

    init(
      _ mechanism: Mechanism, length: Int, threads: Int, queryHeads: Int = 4, keyHeads: Int = 2,
      headSize: Int = 16
    ) {
      Scratch.isPoisoned = true
      let sizes = AttentionProblem<Float>.Sizes(
        queryHeads: queryHeads, keyHeads: keyHeads, length: length, headSize: headSize)
      problem = AttentionProblem(sizes, seed: 11)
      cached = AttentionProblem(sizes, seed: 11)
      let pool = ThreadPool(threadCount: threads)
      cache = LookaheadCache(
        mechanism: mechanism, queryHeads: queryHeads, keyHeads: keyHeads, headSize: headSize,
        capacity: length, pool: pool)
      BlockedAttention(mechanism: mechanism, pool: pool)
        .forward(problem.projections, documents: problem.documents, results: problem.results)
    }

    /// Appends tokens to `cache`.
    func append(_ tokens: Range<Int>, to cache: LookaheadCache) {
      cache.append(
        cached.projections.tokens(tokens), output: cached.results.output.tokens(tokens),
        logSumExp: cached.results.logSumExp.tokens(tokens))
    }

    /// Expects what the cache computed to be what the blocked pass did.
    func check(_ tokens: Range<Int>, _ comment: String, sourceLocation: SourceLocation = #_sourceLocation) {
      expectClose(
        cached.results.output.tokens(tokens), problem.results.output.tokens(tokens), "o \(comment)",
        sourceLocation: sourceLocation)
      expectClose(
        cached.results.logSumExp.tokens(tokens), problem.results.logSumExp.tokens(tokens), "lse \(comment)",
        sourceLocation: sourceLocation)
    }

    private func expectClose(
      _ x: HeadView<Float>, _ y: HeadView<Float>, _ comment: String, sourceLocation: SourceLocation
    ) {
      let worst = zip(x.values, y.values).reduce(Float(0)) {
        max($0, $1.0.isNaN ? .infinity : abs($1.0 - $1.1))
      }
      #expect(worst <= 2e-5, "\(comment)", sourceLocation: sourceLocation)
    }
  }

  @Test("chunks of any size give the results of one pass", arguments: mechanisms, [1, 7, 64, 100, 256])
  func chunks(mechanism: Mechanism, chunk: Int) {
    for threads in [1, 2, 3] {
      let setup = Setup(mechanism, length: 200, threads: threads)
      for start in stride(from: 0, to: 200, by: chunk) {
        setup.append(start..<min(200, start + chunk), to: setup.cache)
      }
      #expect(setup.cache.length == 200)
      setup.check(0..<200, "in chunks of \(chunk), \(threads) threads")
      guard mechanism.hasLookahead, let keys = setup.cached.results.lookaheadKeys,
        let truth = setup.problem.results.lookaheadKeys
      else { continue }
      setup.cache.copyLookaheadKeys(to: keys)
      let worst = zip(keys.values, truth.values).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= 2e-5 * 20, "lookahead keys")
    }
  }

  @Test("a fork and its origin go separate ways", arguments: mechanisms)
  func forks(mechanism: Mechanism) {
    let setup = Setup(mechanism, length: 150, threads: 2)
    setup.append(0..<70, to: setup.cache)
    let fork = setup.cache.fork()
    // The origin reads other tokens first; the fork must not notice.
    setup.append(100..<150, to: setup.cache)
    setup.append(70..<150, to: fork)
    setup.check(0..<150, "of the fork")
  }

  @Test("truncating to a snapshot restores the lookahead keys", arguments: mechanisms)
  func snapshots(mechanism: Mechanism) {
    let setup = Setup(mechanism, length: 180, threads: 2)
    setup.append(0..<90, to: setup.cache)
    setup.cache.snapshot()
    setup.append(120..<180, to: setup.cache)
    #expect(setup.cache.canTruncate(to: 90))
    #expect(setup.cache.canTruncate(to: 100) == !mechanism.hasLookahead)
    setup.cache.truncate(to: 90)
    #expect(setup.cache.length == 90)
    for token in 90..<180 { setup.append(token..<token + 1, to: setup.cache) }
    setup.check(0..<180, "after truncation")
  }

  @Test("the cache of a sliding window is smaller than that of full lookahead, as published")
  func sizes() {
    func bytes(_ mechanism: Mechanism, heads: Int) -> Int {
      let setup = Setup(mechanism, length: 2048, threads: 2, queryHeads: heads, keyHeads: heads)
      setup.append(0..<2048, to: setup.cache)
      return setup.cache.byteCount
    }
    let row = 2048 * 16 * MemoryLayout<Float>.stride
    #expect(bytes(.causal, heads: 7) == 14 * row)
    #expect(bytes(.castle, heads: 4) == 16 * row)
    let sliding = bytes(.slidingWindow(64), heads: 4)
    #expect(sliding > 12 * row && sliding < 14 * row)
  }
}

extension HeadView {
  /// The window of some tokens.
  func tokens(_ range: Range<Int>) -> HeadView {
    var view = self
    view.base += range.lowerBound * tokenStride
    view.length = range.count
    return view
  }
}

extension AttentionProjections {
  /// The window of some tokens.
  func tokens(_ range: Range<Int>) -> AttentionProjections {
    AttentionProjections(
      lookahead: lookahead.map {
        Lookahead(qu: $0.qu.tokens(range), ku: $0.ku.tokens(range), vu: $0.vu.tokens(range))
      }, qc: qc.tokens(range), kc: kc.tokens(range), vc: vc.tokens(range))
  }
}
