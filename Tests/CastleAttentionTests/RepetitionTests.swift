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
