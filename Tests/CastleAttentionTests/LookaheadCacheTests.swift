import CastleAttention
import CastleMeasurement
import CastleTensors
import Testing

@Suite
struct LookaheadCacheTests {
  static let mechanisms: [Mechanism] = [
    .causal, .castle, .slidingWindow(1), .slidingWindow(40), .slidingWindow(100), .causal(lastTokens: 1),
    .causal(lastTokens: 37), .causal(lastTokens: 80),
    Mechanism(window: .unlimited, appliesSiLU: false), Mechanism(window: .tokens(70), usesCausalKeys: false),
  ]

  /// The vector loops of a cache and the size of its heads, which those of 20 fill up to whole vectors.
  struct Kind: CustomTestStringConvertible {
    var headSize: Int
    var instructionSet: InstructionSet

    static let all =
      [Kind(headSize: 16, instructionSet: .best)]
      + TestEffort.choose(InstructionSet.available, small: [.best]).map {
        Kind(headSize: 20, instructionSet: $0)
      }

    var testDescription: String { "heads of \(headSize), \(instructionSet)" }
  }

  /// A problem, a cache that fits it, and room for what the cache computes.
  struct Setup {
    let mechanism: Mechanism
    let cached: AttentionProblem<Float>
    let cache: LookaheadCache

    init(
      _ mechanism: Mechanism, _ kind: Kind = Kind.all[0], length: Int, threads: Int, queryHeads: Int = 4,
      kvHeads: Int = 2
    ) {
      Scratch.isPoisoned = true
      let sizes = AttentionProblem<Float>.Sizes(
        queryHeads: queryHeads, kvHeads: kvHeads, length: length, headSize: kind.headSize)
      self.mechanism = mechanism
      cached = AttentionProblem(sizes, seed: Self.seed)
      cache = LookaheadCache(
        mechanism: mechanism, queryHeads: queryHeads, kvHeads: kvHeads, headSize: kind.headSize,
        capacity: length, pool: ThreadPool(threadCount: threads), instructionSet: kind.instructionSet)
    }

    /// The same with another cache.
    init(_ setup: Setup, with cache: LookaheadCache) {
      mechanism = setup.mechanism
      cached = setup.cached
      self.cache = cache
    }

    private static let seed: UInt64 = 11

    /// Appends tokens to `cache`.
    func append(_ tokens: Range<Int>, to cache: LookaheadCache) {
      cache.append(
        cached.projections.tokens(tokens), output: cached.results.output.tokens(tokens),
        logSumExp: cached.results.logSumExp.tokens(tokens))
    }

    /// What the cache has to compute.
    var reference: ReferenceSolution { ReferenceSolution(cached.sizes, mechanism, seed: Self.seed) }

    /// Expects outputs, log-sum-exps and lookahead keys to be what `reference` says.
    func check(
      _ comment: String, against reference: ReferenceSolution,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      if mechanism.hasLookahead, let keys = cached.results.lookaheadKeys { cache.copyLookaheadKeys(to: keys) }
      reference.check(
        cached.computed(mechanism).filter { !$0.name.hasPrefix("d") }, "\(mechanism) \(comment)",
        sourceLocation: sourceLocation)
    }
  }

  @Test("chunks of any size agree with the reference", arguments: mechanisms, Kind.all)
  func chunks(mechanism: Mechanism, kind: Kind) {
    let length = TestEffort.choose(200, small: 110)
    let reference = Setup(mechanism, kind, length: length, threads: 1).reference
    for chunk in [1, 7, 64, 100, 256] {
      for threads in [1, 2, 3] {
        let setup = Setup(mechanism, kind, length: length, threads: threads)
        for start in stride(from: 0, to: length, by: chunk) {
          setup.append(start..<min(length, start + chunk), to: setup.cache)
        }
        #expect(setup.cache.length == length)
        setup.check("in chunks of \(chunk), \(threads) threads", against: reference)
      }
    }
  }

  @Test("what a cache gives does not depend on the others in a call", arguments: mechanisms, Kind.all)
  func severalCaches(mechanism: Mechanism, kind: Kind) {
    Scratch.isPoisoned = true
    // Beginnings and next tokens: decoding beside prompts, in full panels and across their edges.
    let sizes = [(0, 1), (63, 1), (64, 3), (130, 1), (5, 100), (128, 64), (1, 7), (0, 0)]
    for threads in [1, 2, 3] {
      let pool = ThreadPool(threadCount: threads)
      func run(together: Bool) -> [[UInt32]] {
        let workspace = AttentionWorkspace()
        let problems = sizes.enumerated().map { index, size in
          AttentionProblem<Float>(
            .init(queryHeads: 4, kvHeads: 2, length: size.0 + size.1, headSize: kind.headSize),
            seed: UInt64(index))
        }
        let additions = zip(problems, sizes).map { problem, size in
          let cache = LookaheadCache(
            mechanism: mechanism, queryHeads: 4, kvHeads: 2, headSize: kind.headSize,
            capacity: size.0 + size.1, pool: pool, instructionSet: kind.instructionSet,
            workspace: workspace)
          cache.append(
            problem.projections.tokens(0..<size.0), output: problem.results.output.tokens(0..<size.0))
          let next = size.0..<size.0 + size.1
          return LookaheadCache.Addition(
            to: cache, problem.projections.tokens(next), output: problem.results.output.tokens(next),
            logSumExp: problem.results.logSumExp.tokens(next))
        }
        if together {
          LookaheadCache.append(additions)
        } else {
          for addition in additions { LookaheadCache.append([addition]) }
        }
        return zip(additions, problems).map { addition, problem in
          if mechanism.hasLookahead, let keys = problem.results.lookaheadKeys {
            addition.cache.copyLookaheadKeys(to: keys)
          }
          return problem.computed(mechanism).filter { !$0.name.hasPrefix("d") }
            .flatMap { $0.values.map { Float($0).bitPattern } }
        }
      }
      #expect(run(together: true) == run(together: false), "\(threads) threads")
    }
  }

  @Test("a fork and its origin go separate ways", arguments: mechanisms, Kind.all)
  func forks(mechanism: Mechanism, kind: Kind) {
    let setup = Setup(mechanism, kind, length: 150, threads: 2)
    setup.append(0..<70, to: setup.cache)
    let fork = setup.cache.fork()
    // The origin reads other tokens first; the fork must not notice.
    setup.append(100..<150, to: setup.cache)
    setup.append(70..<150, to: fork)
    Setup(setup, with: fork).check("of the fork", against: setup.reference)
  }

  @Test("truncating to a snapshot restores the lookahead keys", arguments: mechanisms, Kind.all)
  func snapshots(mechanism: Mechanism, kind: Kind) {
    let setup = Setup(mechanism, kind, length: 180, threads: 2)
    setup.append(0..<90, to: setup.cache)
    setup.cache.snapshot()
    setup.append(120..<180, to: setup.cache)
    #expect(setup.cache.canTruncate(to: 90))
    #expect(setup.cache.canTruncate(to: 100) == !mechanism.hasLookahead)
    setup.cache.truncate(to: 90)
    #expect(setup.cache.length == 90)
    for token in 90..<180 { setup.append(token..<token + 1, to: setup.cache) }
    setup.check("after truncation", against: setup.reference)
  }

  @Test("of several snapshots, those of more tokens go when the cache is truncated", arguments: mechanisms)
  func severalSnapshots(mechanism: Mechanism) {
    let setup = Setup(mechanism, length: 180, threads: 2)
    let cache = setup.cache
    for end in [30, 64, 130] {
      setup.append(cache.length..<end, to: cache)
      cache.snapshot()
    }
    setup.append(160..<180, to: cache)
    cache.truncate(to: 130)
    setup.append(140..<180, to: cache)
    cache.truncate(to: 64)
    setup.append(100..<180, to: cache)
    #expect(cache.canTruncate(to: 30) && cache.canTruncate(to: 64))
    #expect(cache.canTruncate(to: 130) == !mechanism.hasLookahead && !cache.canTruncate(to: 145))
    cache.truncate(to: 64)
    setup.append(64..<180, to: cache)
    setup.check("after three snapshots", against: setup.reference)
  }

  @Test("a fork has the snapshots of its origin", arguments: mechanisms)
  func forkAfterSnapshot(mechanism: Mechanism) {
    let setup = Setup(mechanism, length: 150, threads: 2)
    setup.append(0..<70, to: setup.cache)
    setup.cache.snapshot()
    setup.append(120..<150, to: setup.cache)
    let fork = setup.cache.fork()
    setup.cache.truncate(to: 70)
    setup.append(90..<150, to: setup.cache)
    fork.truncate(to: 70)
    setup.append(70..<150, to: fork)
    Setup(setup, with: fork).check("of the fork", against: setup.reference)
  }

  @Test("without a snapshot, a cache can be emptied, and one without lookahead keys cut anywhere")
  func truncationWithoutSnapshot() {
    for mechanism in Self.mechanisms {
      let reference = Setup(mechanism, length: 180, threads: 1).reference
      for end in mechanism.hasLookahead ? [0] : [0, 1, 63, 64, 65, 128, 150] {
        let setup = Setup(mechanism, length: 180, threads: 2)
        setup.append(0..<end, to: setup.cache)
        setup.append(end + 20..<180, to: setup.cache)
        #expect(!setup.cache.canTruncate(to: 161) && !setup.cache.canTruncate(to: -1))
        setup.cache.truncate(to: end)
        #expect(setup.cache.length == end)
        setup.append(end..<180, to: setup.cache)
        setup.check("cut at \(end)", against: reference)
      }
    }
  }

  @Test("a snapshot takes the memory of what changed since", arguments: mechanisms)
  func memoryOfSnapshots(mechanism: Mechanism) {
    let (setup, other) = (
      Setup(mechanism, length: 150, threads: 1), Setup(mechanism, length: 150, threads: 1)
    )
    for tokens in [0..<128, 128..<129] {
      setup.append(tokens, to: setup.cache)
      other.append(tokens, to: other.cache)
      setup.cache.snapshot()
      #expect(setup.cache.byteCount >= other.cache.byteCount)
    }
    // Two full panels of two heads, each panel 64 rows of 16 numbers.
    let rows = 2 * 2 * 64 * 16 * MemoryLayout<Float>.stride
    let kept = setup.cache.byteCount - other.cache.byteCount
    if mechanism == .causal { #expect(kept == 0) }
    if mechanism == .castle { #expect(kept == rows) }
    setup.cache.discardSnapshots()
    #expect(setup.cache.byteCount == other.cache.byteCount)
    #expect(setup.cache.canTruncate(to: 128) == !mechanism.hasLookahead)
  }

  @Test("the cache of a sliding window is smaller than that of full lookahead, as published")
  func sizes() {
    func bytes(_ mechanism: Mechanism, heads: Int) -> Int {
      let setup = Setup(mechanism, length: 2048, threads: 2, queryHeads: heads, kvHeads: heads)
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
