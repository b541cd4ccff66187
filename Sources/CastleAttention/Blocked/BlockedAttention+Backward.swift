import CastleTensors

extension BlockedAttention {
  /// The gradients of Σ o · dO with respect to all projections, Equations (8).
  ///
  /// The state of the lookahead keys before each block is recovered from the final keys by subtraction.
  ///
  /// - Parameters:
  ///   - dOutput: The gradient of o, (B, Hq, L, d).
  ///   - projections: As given to ``forward(_:documents:results:)``.
  ///   - documents: As given to ``forward(_:documents:results:)``.
  ///   - results: What ``forward(_:documents:results:)`` left, the lookahead keys included.
  ///   - gradients: Where the gradients go, in the shapes of the projections; overwritten, but for those of
  ///     projections that the mechanism does not read.
  public func backward(
    _ dOutput: HeadView<Float>, _ projections: AttentionProjections<Float>, documents: Documents,
    results: AttentionResults<Float>, gradients: AttentionProjections<Float>
  ) {
    let shape = AttentionShape(projections, mechanism: mechanism)
    shape.check(documents)
    shape.check(results)
    shape.check(dOutput: dOutput, gradients: gradients, mechanism: mechanism)
    precondition(
      results.lookaheadKeys != nil || !mechanism.hasLookahead,
      "the backward pass needs the final lookahead keys")
    let plan = WorkPlan(shape, documents: documents, threads: pool.threadCount)
    let context = BlockContext(kernels: kernels, mechanism: mechanism, headSize: shape.headSize)
    let problem = BackwardProblem(
      context: context, factors: GradientFactors(scale: context.scale), dOutput: dOutput,
      projections: projections, logSumExp: results.logSumExp, delta: .outputs(results.output),
      lookaheadKeys: results.lookaheadKeys, gradients: gradients, group: shape.group)
    workspace.run(plan, pool: pool) { task, arena in
      problem.run(task, arena: arena)
    } shared: { shared, arenas in
      problem.run(shared, pool: pool, arenas: arenas)
    }
  }
}
