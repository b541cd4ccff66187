import CastleAttention
import CastleMeasurement
import CastleTensors
import Testing

/// Inputs at the ends of the number range give finite outputs and gradients.
struct ExtremeInputTests {
  private func expectFinite(
    _ problem: AttentionProblem<Float>, _ mechanism: Mechanism,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (name, values) in problem.computed(mechanism) {
      #expect(values.allSatisfy { $0.isFinite }, "\(name), \(mechanism)", sourceLocation: sourceLocation)
    }
  }

  @Test(
    "from denormal inputs to scores of ten thousand and more", arguments: InstructionSet.available,
    BlockedAttentionTests.mechanisms)
  func finite(instructionSet: InstructionSet, mechanism: Mechanism) {
    for scale in [0, 1e-42, 1e-22, 1e-10, 10, 100, 300] {
      let problem = AttentionProblem<Float>(
        .init(queryHeads: 2, kvHeads: 1, length: 130, headSize: 16, inputScale: scale), seed: 1)
      problem.computeBlocked(mechanism, threads: 2, instructionSet: instructionSet)
      expectFinite(problem, mechanism)
      problem.computeCached(mechanism, chunk: 50, instructionSet: instructionSet)
      expectFinite(problem, mechanism)
    }
  }

  @Test(
    "equal tokens give their own value", arguments: InstructionSet.available,
    BlockedAttentionTests.mechanisms)
  func equalTokens(instructionSet: InstructionSet, mechanism: Mechanism) {
    for scale in [1e-22, 1, 30] {
      let problem = AttentionProblem<Float>(.init(length: 130, headSize: 16, inputScale: scale), seed: 2)
      for (_, view) in problem.projections.named {
        view.set((0..<130).flatMap { _ in view.tokens(0..<1).values })
      }
      problem.computeReference(mechanism)
      let naive = problem.results.output.values
      problem.computeBlocked(mechanism, threads: 2, instructionSet: instructionSet)
      expectFinite(problem, mechanism)
      ErrorBudget.check(
        problem.results.output.values, naive: naive, truth: problem.projections.vc.values.map(Double.init),
        "\(mechanism), scale \(scale)")
    }
  }

  /// From token 64 on, queries see the first 64 keys with scores of minus infinity, and the others with −1000
  /// and less.
  @Test(
    "scores of minus infinity before others", arguments: InstructionSet.available,
    [Mechanism.causal, .castle, .slidingWindow(9)])
  func infiniteScores(instructionSet: InstructionSet, mechanism: Mechanism) {
    let sizes = AttentionProblem<Float>.Sizes(length: 200, headSize: 16)
    func problem<Scalar>(_ sizes: AttentionProblem<Scalar>.Sizes) -> AttentionProblem<Scalar> {
      let problem = AttentionProblem<Scalar>(sizes, seed: 3)
      let x = problem.projections
      for token in 0..<sizes.length {
        x.qc.token(0, 0, token)[0] = token < 64 ? 0 : 1e20
        x.kc.token(0, 0, token)[0] = token < 64 ? -1e30 : -4e-17
        x.lookahead?.vu.token(0, 0, token)[0] = 0
      }
      return problem
    }
    let (naive, truth) = (problem(sizes), problem(sizes.inDouble))
    naive.computeReference(mechanism)
    truth.computeReference(mechanism)
    for threads in 1...3 {
      let (blocked, cached) = (problem(sizes), problem(sizes))
      blocked.computeBlocked(mechanism, threads: threads, instructionSet: instructionSet)
      cached.computeCached(mechanism, chunk: 50, threads: threads, instructionSet: instructionSet)
      for (problem, name) in [(blocked, "blocked"), (cached, "cached")] {
        ErrorBudget.check(
          problem.results.output.values, naive: naive.results.output.values,
          truth: truth.results.output.values, "\(name), \(mechanism), \(threads) threads")
      }
    }
  }
}
