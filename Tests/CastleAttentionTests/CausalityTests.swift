import CastleAttention
import CastleMeasurement
import CastleTensors
import Testing

/// Nothing flows from a token to an earlier one, nor across documents: not a bit of it.
struct CausalityTests {
  static let mechanisms: [Mechanism] = [.causal, .castle, .slidingWindow(1), .slidingWindow(40)]
  static let places = [1, 5, 63, 64, 65, 129]
  private static let sizes = AttentionProblem<Float>.Sizes(
    queryHeads: 2, kvHeads: 1, length: 130, headSize: 20)

  /// A problem that differs from the one of seed 1 in all tokens from `place` on.
  private static func changed(from place: Int) -> AttentionProblem<Float> {
    let (problem, other) = (AttentionProblem(sizes, seed: 1), AttentionProblem(sizes, seed: 2))
    let later = place..<sizes.length
    for ((_, target), (_, source)) in zip(problem.projections.named, other.projections.named) {
      target.tokens(later).set(source.tokens(later).values)
    }
    return problem
  }

  @Test("later tokens change no earlier output", arguments: InstructionSet.available, mechanisms)
  func blocked(instructionSet: InstructionSet, mechanism: Mechanism) {
    for threads in 1...3 {
      let original = AttentionProblem(Self.sizes, seed: 1)
      original.computeBlocked(mechanism, threads: threads, instructionSet: instructionSet)
      for place in Self.places {
        let changed = Self.changed(from: place)
        changed.computeBlocked(mechanism, threads: threads, instructionSet: instructionSet)
        #expect(changed.outputBits(0..<place) == original.outputBits(0..<place), "token \(place)")
        #expect(changed.outputBits(place..<130) != original.outputBits(place..<130), "token \(place)")
      }
    }
  }

  @Test("nor in a cache", arguments: InstructionSet.available, mechanisms)
  func cached(instructionSet: InstructionSet, mechanism: Mechanism) {
    for (chunk, threads) in [(1, 1), (7, 2), (64, 3), (130, 1)] {
      let original = AttentionProblem(Self.sizes, seed: 1)
      original.computeCached(mechanism, chunk: chunk, threads: threads, instructionSet: instructionSet)
      for place in Self.places {
        let changed = Self.changed(from: place)
        changed.computeCached(mechanism, chunk: chunk, threads: threads, instructionSet: instructionSet)
        #expect(
          changed.outputBits(0..<place) == original.outputBits(0..<place), "token \(place), chunk \(chunk)")
      }
    }
  }

  /// The threads of a call share a head, which changes the order of its sums, only where it has fewer than
  /// eight heads and documents for each.
  @Test("documents are separate calls", arguments: InstructionSet.available, mechanisms)
  func documents(instructionSet: InstructionSet, mechanism: Mechanism) {
    for threads in 1...2 {
      var sizes = Self.sizes
      sizes.documents = [1, 70, 59]
      sizes.batch = 2
      sizes.kvHeads = threads == 1 ? 1 : 4 * threads
      sizes.queryHeads = 2 * sizes.kvHeads
      compareDocuments(sizes, mechanism, threads: threads, instructionSet: instructionSet)
    }
  }

  private func compareDocuments(
    _ sizes: AttentionProblem<Float>.Sizes, _ mechanism: Mechanism, threads: Int,
    instructionSet: InstructionSet
  ) {
    let (together, apart) = (AttentionProblem(sizes, seed: 3), AttentionProblem(sizes, seed: 3))
    together.computeBlocked(mechanism, threads: threads, instructionSet: instructionSet)
    let attention = BlockedAttention(
      mechanism: mechanism, pool: ThreadPool(threadCount: threads), instructionSet: instructionSet)
    for tokens in apart.documents.ranges {
      let results = AttentionResults(
        output: apart.results.output.tokens(tokens), logSumExp: apart.results.logSumExp.tokens(tokens),
        lookaheadKeys: apart.results.lookaheadKeys?.tokens(tokens))
      let document = Documents(length: tokens.count)
      attention.forward(apart.projections.tokens(tokens), documents: document, results: results)
      attention.backward(
        apart.dOutput.tokens(tokens), apart.projections.tokens(tokens), documents: document,
        results: results, gradients: apart.gradients.tokens(tokens))
    }
    #expect(together.bits(mechanism) == apart.bits(mechanism), "\(threads) threads")
  }

  @Test("NaN in one token shows from that token on", arguments: InstructionSet.available, mechanisms)
  func notANumber(instructionSet: InstructionSet, mechanism: Mechanism) {
    let clean = AttentionProblem(Self.sizes, seed: 1)
    clean.computeBlocked(mechanism, instructionSet: instructionSet)
    let names = clean.projections.named.map(\.name).filter { mechanism.hasLookahead || !$0.hasSuffix("u") }
    for name in names {
      for place in Self.places {
        let poisoned = AttentionProblem(Self.sizes, seed: 1)
        poisoned.projections.named.first { $0.name == name }?.view.tokens(place..<place + 1)
          .forEach { $0.pointee = .nan }
        poisoned.computeBlocked(mechanism, threads: 2, instructionSet: instructionSet)
        check(poisoned, name: name, place: place)
        let cached = AttentionProblem(Self.sizes, seed: 1)
        cached.projections.named.first { $0.name == name }?.view.tokens(place..<place + 1)
          .forEach { $0.pointee = .nan }
        cached.computeCached(mechanism, chunk: 30, instructionSet: instructionSet)
        check(cached, name: name, place: place)
      }
    }
  }

  /// A query is its token's own, q^U speaks to the next token first, everything else to its own token and all
  /// later.
  private func check(_ problem: AttentionProblem<Float>, name: String, place: Int) {
    let first = name == "qu" ? place + 1 : place
    let last = name == "qc" ? place : Self.sizes.length - 1
    for token in 0..<Self.sizes.length {
      let output = problem.results.output.tokens(token..<token + 1).values
      if (first...max(first, last)).contains(token) {
        #expect(output.allSatisfy { $0.isNaN }, "\(name) of \(place): token \(token)")
      } else {
        #expect(output.allSatisfy { $0.isFinite }, "\(name) of \(place): token \(token)")
      }
    }
  }
}
