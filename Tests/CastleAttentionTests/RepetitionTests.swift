import CastleAttention
import CastleMeasurement
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
        .init(queryHeads: 10, kvHeads: 5, length: 300, headSize: 24, documents: [200, 100]), seed: 1)
      problem.computeBlocked(mechanism, threads: threads)
      return problem.bits(mechanism)
    }
    let first = bits()
    for _ in 0..<4 { #expect(bits() == first) }
  }

  /// Scratch memory that larger problems and other mechanisms have left behind does not show.
  @Test("one pool and one workspace for problems of all sizes", arguments: 1...3)
  func sharedWorkspace(threads: Int) {
    let (pool, workspace) = (ThreadPool(threadCount: threads), AttentionWorkspace())
    Scratch.isPoisoned = true
    for (length, heads, headSize) in [(300, 3, 40), (7, 1, 5), (70, 2, 64), (300, 3, 40), (1, 1, 1)] {
      for mechanism in [Mechanism.castle, .causal, .slidingWindow(70), .castle] {
        let sizes = AttentionProblem<Float>.Sizes(
          queryHeads: 2 * heads, kvHeads: heads, length: length, headSize: headSize)
        let (fresh, used) = (AttentionProblem(sizes, seed: 1), AttentionProblem(sizes, seed: 1))
        fresh.computeBlocked(mechanism, threads: threads)
        let attention = BlockedAttention(mechanism: mechanism, pool: pool, workspace: workspace)
        attention.forward(used.projections, documents: used.documents, results: used.results)
        attention.backward(
          used.dOutput, used.projections, documents: used.documents, results: used.results,
          gradients: used.gradients)
        #expect(used.bits(mechanism) == fresh.bits(mechanism), "\(sizes), \(mechanism)")
      }
    }
  }
}
