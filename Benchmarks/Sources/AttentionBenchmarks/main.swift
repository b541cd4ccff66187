// One sequence of 8 heads of 64 features: passes of each mechanism at several lengths, on all processors.
//
//     swift run -c release --package-path Benchmarks AttentionBenchmarks --filter "castle.*2048"

import Benchmark
import CastleAttention
import CastleMeasurement
import CastleSystem
import CastleTensors

let mechanisms: [(String, Mechanism)] = [
  ("causal", .causal), ("castle", .castle), ("castle-swl 128", .slidingWindow(128)),
]
let pool = ThreadPool(threadCount: Processors.available)

for (_, mechanism) in mechanisms {
  do {
    try AttentionCheck(mechanism: mechanism, length: 130, headSize: 64, pool: pool).run()
  } catch {
    fatalError("\(error)")
  }
}
for length in [130, 512, 1_025, 2_048] {
  let problem = AttentionProblem<Float>(
    .init(queryHeads: 8, kvHeads: 8, length: length, headSize: 64), seed: 1)
  for (name, mechanism) in mechanisms {
    let attention = BlockedAttention(mechanism: mechanism, pool: pool)
    benchmark("\(name), \(length) tokens, forward", settings: MinTime(seconds: 1)) {
      attention.forward(problem.projections, documents: problem.documents, results: problem.results)
    }
    benchmark("\(name), \(length) tokens, backward", settings: MinTime(seconds: 1)) {
      attention.backward(
        problem.dOutput, problem.projections, documents: problem.documents, results: problem.results,
        gradients: problem.gradients)
    }
    let cache = LookaheadCache(
      mechanism: mechanism, queryHeads: 8, kvHeads: 8, headSize: 64, capacity: length + 2_000, pool: pool)
    benchmark("\(name), \(length) tokens, decode one", settings: Iterations(1_000)) {
      if cache.length == 0 { cache.append(problem.projections, output: problem.results.output) }
      cache.append(problem.projections.tokens(0..<1), output: problem.results.output.tokens(0..<1))
    }
  }
}

Benchmark.main()
