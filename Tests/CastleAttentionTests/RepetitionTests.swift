import CastleAttention
import CastleTensors
import Foundation
import Testing

/// The same call gives the same bits.
struct RepetitionTests {
  @Test(
    "repeated five times", arguments: [Mechanism.causal, .castle, .slidingWindow(70)], 1...3)
  func repeated(mechanism: Mechanism, threads: Int) {
    func bits() -> [UInt32] {
      let problem = AttentionProblem<Float>(
        .init(queryHeads: 10, keyHeads: 5, length: 300, headSize: 24, documents: [200, 100]), seed: 1)
      problem.computeBlocked(mechanism, threads: threads)
      return problem.bits(mechanism)
    }
    let first = bits()
    for _ in 0..<4 { #expect(bits() == first) }
  }
}

/// How exactly the backward pass recovers early lookahead keys by subtracting what later tokens added to them.
struct RecoveryTests {
  private static let early = 128

  /// The largest difference, relative to the largest element, between the gradients of the first tokens in a
  /// sequence whose later outputs have no gradient, and in a sequence that ends there.
  private func drift(length: Int, mechanism: Mechanism) -> Float {
    let long = AttentionProblem<Float>(.init(length: length, headSize: 64), seed: 1)
    let short = AttentionProblem<Float>(.init(length: Self.early, headSize: 64), seed: 2)
    let tokens = 0..<Self.early
    for ((_, source), (_, target)) in zip(long.projections.named, short.projections.named) {
      target.set(source.tokens(tokens).values)
    }
    short.dOutput.set(long.dOutput.tokens(tokens).values)
    long.dOutput.tokens(Self.early..<length).forEach { $0.pointee = 0 }
    long.computeBlocked(mechanism, threads: 2)
    short.computeBlocked(mechanism, threads: 2)
    return zip(long.gradients.named, short.gradients.named).reduce(0) { worst, pair in
      let truth = pair.1.view.values
      let size = truth.reduce(0) { max($0, abs($1)) }
      return zip(pair.0.view.tokens(tokens).values, truth).reduce(worst) { max($0, abs($1.0 - $1.1) / size) }
    }
  }

  @Test("early gradients of a long sequence", arguments: [Mechanism.castle, .slidingWindow(128)])
  func medium(mechanism: Mechanism) {
    let drift = drift(length: 2048, mechanism: mechanism)
    #expect(drift < 5e-5, "drift \(drift)")
  }

  @Test(
    "early gradients of a very long sequence",
    .enabled(if: ProcessInfo.processInfo.environment["CASTLE_LONG_TESTS"] != nil),
    arguments: [Mechanism.castle, .slidingWindow(128)])
  func long(mechanism: Mechanism) {
    let drift = drift(length: 16_384, mechanism: mechanism)
    print("Drift of the recovered lookahead keys at L = 16384, \(mechanism.window): \(drift)")
    #expect(drift < 2e-4, "drift \(drift)")
  }
}
