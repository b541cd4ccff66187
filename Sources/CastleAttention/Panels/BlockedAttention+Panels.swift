import CastleTensors
import Foundation

/// Attention to some panels of keys, as one of several processes that have the others. In all of these
/// calls, q^C, k^U, v^U and what belongs to them are of all tokens, while k^C, v^C, q^U and the lookahead
/// keys are of the tokens of `share` alone. There is one sequence.
extension BlockedAttention {
  /// Computes what queries see of these keys: outputs and log-sum-exps of all tokens as if there were no
  /// other keys (0 and −∞ for a token that sees none), and final lookahead keys.
  ///
  /// k^U and v^U are read in the blocks that ``PanelShares/tokensRead(by:_:)`` names; elsewhere they need not
  /// be true, but finite.
  package func forward(
    _ projections: AttentionProjections<Float>, share: PanelShare, documents: Documents,
    results: AttentionResults<Float>
  ) {
    let shape = AttentionShape(queries: projections.qc, kvHeads: projections.kc.heads)
    shape.check(documents)
    shape.check(output: results.output, logSumExp: results.logSumExp)
    let plan = WorkPlan(shape, documents: documents, threads: pool.threadCount)
    let context = BlockContext(kernels: kernels, mechanism: mechanism, headSize: shape.headSize)
    let problem = ForwardProblem(
      context: context, projections: projections,
      keys: ProjectedKeys(
        context: context, projections: projections, lookaheadKeys: results.lookaheadKeys, share: share),
      output: results.output, logSumExp: results.logSumExp, group: shape.group)
    workspace.run(plan, pool: pool) { task, arena in
      problem.run(task, arena: arena)
    } shared: { shared, arenas in
      problem.run(shared, pool: pool, arenas: arenas)
    }
  }

  /// The gradients as far as they go through these keys: those of k^C, v^C and q^U whole, of the others a
  /// part, which add up over all processes.
  ///
  /// `logSumExp` and `delta`, Δ = dO · o, are those of attention to all keys, (1, Hq, L, 1).
  package func backward(
    _ dOutput: HeadView<Float>, _ projections: AttentionProjections<Float>, share: PanelShare,
    documents: Documents, logSumExp: HeadView<Float>, delta: HeadView<Float>,
    lookaheadKeys: HeadView<Float>?, gradients: AttentionProjections<Float>
  ) {
    let shape = AttentionShape(queries: projections.qc, kvHeads: projections.kc.heads)
    shape.check(documents)
    shape.check(output: dOutput, logSumExp: logSumExp)
    precondition(
      lookaheadKeys != nil || !mechanism.hasLookahead,
      "the backward pass needs the final lookahead keys")
    let plan = WorkPlan(shape, documents: documents, threads: pool.threadCount)
    let context = BlockContext(kernels: kernels, mechanism: mechanism, headSize: shape.headSize)
    let problem = BackwardProblem(
      context: context, factors: GradientFactors(scale: context.scale), dOutput: dOutput,
      projections: projections, logSumExp: logSumExp, delta: .known(delta), lookaheadKeys: lookaheadKeys,
      share: share, gradients: gradients, group: shape.group)
    workspace.run(plan, pool: pool) { task, arena in
      problem.run(task, arena: arena)
    } shared: { shared, arenas in
      problem.run(shared, pool: pool, arenas: arenas)
    }
  }
}

/// Outputs of attention to different keys, put together.
package enum PanelResults {
  /// Attention to all keys from that to each of `parts`, which share the keys out: o = Σ exp(m_p − m) o_p
  /// with the log-sum-exps m_p and m. All of them have one shape; `results` may not be one of the parts.
  package static func combine(
    _ parts: [(output: HeadView<Float>, logSumExp: HeadView<Float>)], output: HeadView<Float>,
    logSumExp: HeadView<Float>
  ) {
    for head in 0..<output.heads {
      for token in 0..<output.length {
        let sums = parts.map { Double($0.logSumExp.token(0, head, token)[0]) }
        let largest = sums.max() ?? -.infinity
        let sum = sums.reduce(0) { $0 + exp($1 - largest) }
        let whole = largest + log(sum)
        let target = output.token(0, head, token)
        target.update(repeating: 0, count: output.size)
        for (part, own) in zip(parts, sums) where own > -.infinity {
          let weight = Float(exp(own - whole))
          let source = part.output.token(0, head, token)
          for i in 0..<output.size { target[i] += weight * source[i] }
        }
        logSumExp.token(0, head, token)[0] = Float(whole)
      }
    }
  }

  /// Δ = dO · o of every token and head.
  package static func delta(
    _ dOutput: HeadView<Float>, _ output: HeadView<Float>, into delta: HeadView<Float>
  ) {
    for head in 0..<output.heads {
      for token in 0..<output.length {
        let (a, b) = (dOutput.token(0, head, token), output.token(0, head, token))
        var sum = 0.0
        for i in 0..<output.size { sum += Double(a[i]) * Double(b[i]) }
        delta.token(0, head, token)[0] = Float(sum)
      }
    }
  }
}
