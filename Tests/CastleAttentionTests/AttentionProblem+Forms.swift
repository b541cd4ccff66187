import CastleAttention
import CastleMeasurement
import CastleTensors

extension AttentionProblem<Float> {
  /// Fills results and gradients by the blocked form, with memory that starts as NaN.
  func computeBlocked(_ mechanism: Mechanism, threads: Int = 1, instructionSet: InstructionSet = .best) {
    Scratch.isPoisoned = true
    let attention = BlockedAttention(
      mechanism: mechanism, pool: ThreadPool(threadCount: threads), instructionSet: instructionSet)
    attention.forward(projections, documents: documents, results: results)
    attention.backward(
      dOutput, projections, documents: documents, results: results, gradients: gradients)
  }

  /// Fills outputs and log-sum-exps by a cache that gets `chunk` tokens at a time.
  func computeCached(
    _ mechanism: Mechanism, chunk: Int, threads: Int = 1, instructionSet: InstructionSet = .best
  ) {
    Scratch.isPoisoned = true
    let cache = LookaheadCache(
      mechanism: mechanism, queryHeads: sizes.queryHeads, kvHeads: sizes.kvHeads,
      headSize: sizes.headSize, capacity: sizes.length, pool: ThreadPool(threadCount: threads),
      instructionSet: instructionSet)
    for start in stride(from: 0, to: sizes.length, by: chunk) {
      let tokens = start..<min(sizes.length, start + chunk)
      cache.append(
        projections.tokens(tokens), output: results.output.tokens(tokens),
        logSumExp: results.logSumExp.tokens(tokens))
    }
  }

  /// The bits of everything computed.
  func bits(_ mechanism: Mechanism) -> [UInt32] {
    computed(mechanism).flatMap { $0.values.map(\.bitPattern) }
  }

  /// The bits of the outputs and log-sum-exps of some tokens.
  func outputBits(_ tokens: Range<Int>) -> [UInt32] {
    (results.output.tokens(tokens).values + results.logSumExp.tokens(tokens).values).map(\.bitPattern)
  }
}

extension AttentionProjections {
  /// All six, with their names.
  var named: [(name: String, view: HeadView<Scalar>)] {
    let own = [("qc", qc), ("kc", kc), ("vc", vc)]
    guard let lookahead else { return own }
    return own + [("qu", lookahead.qu), ("ku", lookahead.ku), ("vu", lookahead.vu)]
  }
}

extension HeadView where Scalar: BinaryFloatingPoint {
  /// Sets the elements, in the order (B, H, L, d).
  func set(_ values: some Sequence<Scalar>) {
    var values = values.makeIterator()
    forEach { $0.pointee = values.next() ?? .nan }
  }
}
