import CastleAttention
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
        .init(queryHeads: 2, keyHeads: 1, length: 130, headSize: 16, inputScale: scale), seed: 1)
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
      problem.computeBlocked(mechanism, threads: 2, instructionSet: instructionSet)
      expectFinite(problem, mechanism)
      let values = problem.projections.vc.values
      let largest = values.reduce(0) { max($0, abs($1)) }
      #expect(
        zip(problem.results.output.values, values).allSatisfy { abs($0 - $1) <= 1e-5 * largest },
        "\(mechanism)")
    }
  }
}
