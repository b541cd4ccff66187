import CastleAttention
import CastleMeasurement
import CastleTensors
import Testing

@Suite
struct BlockedAttentionTests {
  static let mechanisms: [Mechanism] = [
    .causal, .castle, .slidingWindow(1), .slidingWindow(5), .slidingWindow(64), .slidingWindow(100),
    Mechanism(window: .unlimited, appliesSiLU: false), Mechanism(window: .unlimited, usesCausalKeys: false),
    Mechanism(window: .tokens(70), appliesSiLU: false, usesCausalKeys: false),
    .causal(lastTokens: 2), .causal(lastTokens: 5), .causal(lastTokens: 64), .causal(lastTokens: 90),
  ]

  /// Expects the fast form to agree with the reference.
  static func compare(
    _ sizes: AttentionProblem<Float>.Sizes, _ mechanism: Mechanism, seed: UInt64, threads: Int = 1,
    instructionSet: InstructionSet = .best, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let problem = AttentionProblem<Float>(sizes, seed: seed)
    problem.computeBlocked(mechanism, threads: threads, instructionSet: instructionSet)
    ReferenceSolution(sizes, mechanism, seed: seed).check(
      problem.computed(mechanism),
      "\(sizes), \(mechanism), \(threads) threads, \(instructionSet), seed \(seed)",
      sourceLocation: sourceLocation)
  }

  @Test(
    "every result agrees with the reference", arguments: mechanisms,
    TestEffort.choose([1, 7, 63, 65, 130], small: [1, 7, 70]))
  func agreesWithReference(mechanism: Mechanism, length: Int) {
    let headSizes: [(Int, UInt64)] = TestEffort.choose(
      [(8, 1), (32, 2), (59, 3), (64, 4)], small: [(8, 1), (19, 3)])
    for (headSize, seed) in headSizes {
      Self.compare(.init(batch: 2, length: length, headSize: headSize), mechanism, seed: seed)
    }
  }

  @Test(
    "long sequences agree",
    arguments: [Mechanism.causal, .castle, .slidingWindow(128), .causal(lastTokens: 200)])
  func longSequences(mechanism: Mechanism) {
    Self.compare(
      .init(length: TestEffort.choose(1025, small: 150), headSize: 16), mechanism, seed: 5, threads: 2)
  }

  @Test("every instruction set agrees", arguments: InstructionSet.available)
  func instructionSets(instructionSet: InstructionSet) {
    for headSize in TestEffort.choose([5, 16, 96, 111], small: [5, 16]) {
      Self.compare(
        .init(length: TestEffort.choose(130, small: 70), headSize: headSize), .castle, seed: 6,
        instructionSet: instructionSet)
    }
  }

  @Test("grouped queries, documents, strides and threads", arguments: mechanisms)
  func everythingAtOnce(mechanism: Mechanism) {
    Self.compare(
      .init(
        batch: 2, queryHeads: 6, kvHeads: 2, length: TestEffort.choose(200, small: 110),
        headSize: TestEffort.choose(24, small: 6),
        documents: TestEffort.choose([1, 120, 70, 9], small: [1, 70, 30, 9]),
        isInterleaved: true), mechanism, seed: 7, threads: 3)
    Self.compare(
      .init(
        queryHeads: 3, kvHeads: 1, length: TestEffort.choose(300, small: 70),
        headSize: TestEffort.choose(32, small: 6)), mechanism, seed: 8, threads: 2)
  }
}
