import CastleAttention
import CastleMeasurement
import CastleTensors
import Foundation
import Testing

/// Problems of random shape against the reference: 500 or more in each run, from the seed `CASTLE_SEED` if
/// that is set.
///
/// Every element has to lie within the bound that follows from the number of roundings. Over the cases of a
/// pool, the error of each result, in units of its root mean square, may be twice that of the naive
/// computation.
struct RandomProblemTests {
  static let seed: UInt64 = {
    let seed = environment("CASTLE_SEED").flatMap(UInt64.init) ?? .random(in: 1..<1_000_000)
    print("Random problems with CASTLE_SEED=\(seed)")
    return seed
  }()

  /// Which mechanisms and vector loops the cases of a pool have in common.
  struct Pool: CustomTestStringConvertible {
    enum Kind: CaseIterable { case causal, limitedCausal, castle, slidingWindow, ablations }

    let kind: Kind
    let instructionSet: InstructionSet

    static let all = InstructionSet.available.flatMap { set in
      Kind.allCases.map { Pool(kind: $0, instructionSet: set) }
    }

    var testDescription: String { "\(kind), \(instructionSet)" }
  }

  private static let caseCount = max(
    1, (TestEffort.choose(500, small: 60) + Pool.all.count - 1) / Pool.all.count)

  private static func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

  @Test("random shapes agree with the reference", arguments: Pool.all.indices)
  func agrees(index: Int) {
    let pool = Pool.all[index]
    var generator = RandomSource(seed: Self.seed &* 1_000 &+ UInt64(index))
    var errors = PooledErrors()
    for number in 0..<Self.caseCount {
      let (sizes, mechanism) = (Self.sizes(&generator), Self.mechanism(pool.kind, &generator))
      let threads = Int.random(in: 1...3, using: &generator)
      let seed = generator.next()
      let problem = AttentionProblem<Float>(sizes, seed: seed)
      problem.computeBlocked(mechanism, threads: threads, instructionSet: pool.instructionSet)
      errors.add(
        problem.computed(mechanism), ReferenceSolution(sizes, mechanism, seed: seed),
        "CASTLE_SEED=\(Self.seed), \(pool.testDescription) \(number): \(sizes), \(mechanism), "
          + "\(threads) threads"
      )
    }
    if !TestEffort.isSmall { errors.check("CASTLE_SEED=\(Self.seed), \(pool.testDescription)") }
  }

  /// Short sequences are more likely than long ones.
  private static func sizes(_ generator: inout RandomSource) -> AttentionProblem<Float>.Sizes {
    let reach = Double.random(in: 0..<1, using: &generator)
    let length = 1 + Int(TestEffort.choose(150, small: 90) * reach * reach)
    let kvHeads = Int.random(in: 1...3, using: &generator)
    var sizes = AttentionProblem<Float>.Sizes(
      batch: .random(in: 1...2, using: &generator),
      queryHeads: kvHeads * .random(in: 1...2, using: &generator), kvHeads: kvHeads, length: length,
      headSize: .random(in: 1...TestEffort.choose(70, small: 20), using: &generator))
    sizes.isInterleaved = .random(using: &generator)
    if Bool.random(using: &generator) {
      var documents: [Int] = []
      var rest = length
      while rest > 0 {
        documents.append(.random(in: 1...rest, using: &generator))
        rest -= documents[documents.count - 1]
      }
      sizes.documents = documents
    }
    return sizes
  }

  private static func mechanism(_ kind: Pool.Kind, _ generator: inout RandomSource) -> Mechanism {
    let window = Int.random(in: 1...160, using: &generator)
    switch kind {
    case .causal: return .causal
    case .limitedCausal: return .causal(lastTokens: max(2, window))
    case .castle: return .castle
    case .slidingWindow: return .slidingWindow(window)
    case .ablations:
      let ablation = Int.random(in: 0..<3, using: &generator)
      return Mechanism(
        window: Bool.random(using: &generator) ? .unlimited : .tokens(window), appliesSiLU: ablation == 1,
        usesCausalKeys: ablation == 0)
    }
  }
}
