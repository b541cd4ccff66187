import CastleAttention
import CastleMeasurement
import CastleTensors
import Testing

/// Where the window makes one mechanism another, the bits are the same.
struct WindowTests {
  private static let length = 130

  private func bits(_ mechanism: Mechanism, computedAs other: Mechanism, threads: Int, _ set: InstructionSet)
    -> [UInt32]
  {
    let problem = AttentionProblem<Float>(
      .init(queryHeads: 4, kvHeads: 2, length: Self.length, headSize: 16), seed: 1)
    problem.computeBlocked(mechanism, threads: threads, instructionSet: set)
    return problem.bits(other)
  }

  @Test("a window of the whole sequence is CASTLE", arguments: InstructionSet.available, 1...3)
  func wideWindow(instructionSet: InstructionSet, threads: Int) {
    let castle = bits(.castle, computedAs: .castle, threads: threads, instructionSet)
    for window in [Self.length - 1, Self.length, 1 << 20, .max] {
      let sliding = bits(.slidingWindow(window), computedAs: .castle, threads: threads, instructionSet)
      #expect(sliding == castle, "W = \(window)")
    }
    #expect(
      bits(.slidingWindow(Self.length - 2), computedAs: .castle, threads: threads, instructionSet) != castle)
  }

  @Test("a window of no token is causal attention", arguments: InstructionSet.available, 1...3)
  func noWindow(instructionSet: InstructionSet, threads: Int) {
    let causal = bits(.causal, computedAs: .causal, threads: threads, instructionSet)
    for silu in [true, false] {
      let none = Mechanism(window: .tokens(0), appliesSiLU: silu)
      #expect(bits(none, computedAs: .causal, threads: threads, instructionSet) == causal)
    }
  }

  @Test(
    "causal attention to the last tokens is all of it where they are all",
    arguments: InstructionSet.available, 1...3)
  func allVisible(instructionSet: InstructionSet, threads: Int) {
    let causal = bits(.causal, computedAs: .causal, threads: threads, instructionSet)
    for count in [Self.length, 1 << 20, .max] {
      let limited = bits(.causal(lastTokens: count), computedAs: .causal, threads: threads, instructionSet)
      #expect(limited == causal, "\(count) tokens")
    }
    let fewer = Mechanism.causal(lastTokens: Self.length - 1)
    #expect(bits(fewer, computedAs: .causal, threads: threads, instructionSet) != causal)
  }

  @Test("without lookahead, its projections are not read and its gradients not written")
  func unusedProjections() {
    let sizes = AttentionProblem<Float>.Sizes(length: 70, headSize: 8)
    let (fast, reference) = (AttentionProblem(sizes, seed: 3), AttentionProblem(sizes, seed: 3))
    for problem in [fast, reference] {
      for (name, view) in problem.projections.named where name.hasSuffix("u") {
        view.forEach { $0.pointee = .nan }
      }
      for (_, view) in problem.gradients.named { view.forEach { $0.pointee = 7 } }
    }
    fast.computeBlocked(.causal)
    reference.computeReference(.causal)
    for problem in [fast, reference] {
      for (name, view) in problem.gradients.named {
        #expect(view.values.allSatisfy { ($0 == 7) == name.hasSuffix("u") && $0.isFinite }, "d\(name)")
      }
    }
  }

  @Test(
    "v^U of zero makes every mechanism causal attention", arguments: [Mechanism.castle, .slidingWindow(9)])
  func silentLookahead(mechanism: Mechanism) {
    let sizes = AttentionProblem<Float>.Sizes(length: Self.length, headSize: 16)
    let (silent, causal) = (AttentionProblem(sizes, seed: 2), AttentionProblem(sizes, seed: 2))
    silent.projections.lookahead?.vu.forEach { $0.pointee = 0 }
    silent.computeBlocked(mechanism)
    causal.computeBlocked(.causal)
    #expect(silent.outputBits(0..<Self.length) == causal.outputBits(0..<Self.length))
  }
}
