import CastleAttention
import CastleTensors
import Testing

@Suite(.serialized)
struct BlockedAttentionTests {
  static let mechanisms: [Mechanism] = [
    .causal, .castle, .slidingWindow(1), .slidingWindow(5), .slidingWindow(64), .slidingWindow(100),
    Mechanism(window: .unlimited, appliesSiLU: false), Mechanism(window: .unlimited, usesCausalKeys: false),
    Mechanism(window: .tokens(70), appliesSiLU: false, usesCausalKeys: false),
  ]

  /// Runs the fast form and both precisions of the reference on one problem and compares all results.
  static func compare(
    _ sizes: AttentionProblem<Float>.Sizes, _ mechanism: Mechanism, seed: UInt64, threads: Int = 1,
    instructionSet: InstructionSet = .best, isRandomShape: Bool = false, comment: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    Scratch.isPoisoned = true
    let fast = AttentionProblem<Float>(sizes, seed: seed)
    let naive = AttentionProblem<Float>(sizes, seed: seed)
    let truth = AttentionProblem<Double>(
      .init(
        batch: sizes.batch, queryHeads: sizes.queryHeads, keyHeads: sizes.keyHeads, length: sizes.length,
        headSize: sizes.headSize, documents: sizes.documents, isInterleaved: sizes.isInterleaved,
        inputScale: sizes.inputScale), seed: seed)
    fast.computeBlocked(mechanism, threads: threads, instructionSet: instructionSet)
    naive.computeReference(mechanism)
    truth.computeReference(mechanism)
    let comment = "\(sizes), \(mechanism), \(threads) threads, \(instructionSet), seed \(seed) \(comment)"
    let (results, naiveResults) = (fast.computed(mechanism), naive.computed(mechanism))
    if isRandomShape {
      ErrorBudget.checkTogether(
        results, naive: naiveResults, truth: truth.computed(mechanism), headSize: sizes.headSize, comment,
        sourceLocation: sourceLocation)
    } else {
      ErrorBudget.check(
        results, naive: naiveResults, truth: truth.computed(mechanism), comment,
        sourceLocation: sourceLocation)
    }
  }

  @Test("every result agrees with the reference", arguments: mechanisms, [1, 7, 63, 65, 130])
  func agreesWithReference(mechanism: Mechanism, length: Int) {
    for (headSize, seed) in [(8, 1), (32, 2), (59, 3), (64, 4)] as [(Int, UInt64)] {
      Self.compare(.init(batch: 2, length: length, headSize: headSize), mechanism, seed: seed)
    }
  }

  @Test("long sequences agree", arguments: [Mechanism.causal, .castle, .slidingWindow(128)])
  func longSequences(mechanism: Mechanism) {
    Self.compare(.init(length: 1025, headSize: 16), mechanism, seed: 5, threads: 2)
  }

  @Test("every instruction set agrees", arguments: InstructionSet.available)
  func instructionSets(instructionSet: InstructionSet) {
    for headSize in [5, 16, 96, 111] {
      Self.compare(
        .init(length: 130, headSize: headSize), .castle, seed: 6, instructionSet: instructionSet)
    }
  }

  @Test("grouped queries, documents, strides and threads", arguments: mechanisms)
  func everythingAtOnce(mechanism: Mechanism) {
    Self.compare(
      .init(
        batch: 2, queryHeads: 6, keyHeads: 2, length: 200, headSize: 24, documents: [1, 120, 70, 9],
        isInterleaved: true), mechanism, seed: 7, threads: 3)
    Self.compare(
      .init(queryHeads: 3, keyHeads: 1, length: 300, headSize: 32), mechanism, seed: 8, threads: 2)
  }
}
