// One sequence of 8 heads of 64 features: passes of each mechanism at several lengths, on all processors.
//
//     swift run -c release --package-path Benchmarks AttentionBenchmarks --filter "castle.*2048"

import Benchmark
import CastleAttention
import CastleSystem
import CastleTensors

let mechanisms: [(String, Mechanism)] = [
  ("causal", .causal), ("castle", .castle), ("castle-swl 128", .slidingWindow(128)),
]
let pool = ThreadPool(threadCount: Processors.available)

for length in [130, 512, 1_025, 2_048] {
  let problem = Problem(length: length)
  for (name, mechanism) in mechanisms {
    let attention = BlockedAttention(mechanism: mechanism, pool: pool)
    Problem(length: 130).check(attention, mechanism)
    benchmark("\(name), \(length) tokens, forward", settings: MinTime(seconds: 1)) {
      problem.forward(attention)
    }
    benchmark("\(name), \(length) tokens, backward", settings: MinTime(seconds: 1)) {
      problem.backward(attention)
    }
    let cache = LookaheadCache(
      mechanism: mechanism, queryHeads: Problem.heads, kvHeads: Problem.heads,
      headSize: Problem.headSize, capacity: length + 2_000, pool: pool)
    benchmark("\(name), \(length) tokens, decode one", settings: Iterations(1_000)) {
      if cache.length == 0 {
        cache.append(problem.projections(0..<length), output: problem.output(0..<length))
      }
      cache.append(problem.projections(0..<1), output: problem.output(0..<1))
    }
  }
}

Benchmark.main()
