import CastleKernels
public import CastleTensors

/// Attention in O(L² d) time and O(L d) memory (Equations, Blocked), in single precision.
///
/// Nothing that happens to the lookahead keys of one panel of tokens depends on another panel. So the loops
/// of (6)–(7) are turned around: a panel of keys stays in the cache while all blocks of queries from its own
/// diagonal on sweep over it, and different panels, heads and documents are independent.
///
/// ```swift
/// let attention = BlockedAttention(mechanism: .castle, pool: pool)
/// attention.forward(projections, documents: Documents(length: 2048), results: results)
/// attention.backward(dOutput, projections, documents: …, results: results, gradients: gradients)
/// ```
///
/// Results depend on the number of threads, which decides how heads are split, but not on how threads run.
/// The last bits of a document's results may also depend on what else is in a call that has fewer than eight
/// heads and documents for each thread: those that are left over when all threads have got the same number
/// may be split too.
public struct BlockedAttention: Sendable {
  /// Which attention.
  public let mechanism: Mechanism
  /// The threads that work.
  public let pool: ThreadPool
  /// The scratch memory.
  public let workspace: AttentionWorkspace

  let kernels: AttentionKernels

  /// Attention with the given vector instructions. Ends the process with a message if this processor does not
  /// have them.
  ///
  /// - Parameter workspace: Scratch memory to share with other attention that never runs at the same time.
  public init(
    mechanism: Mechanism, pool: ThreadPool, instructionSet: InstructionSet = .best,
    workspace: AttentionWorkspace = AttentionWorkspace()
  ) {
    self.mechanism = mechanism
    self.pool = pool
    self.workspace = workspace
    kernels = AttentionKernels(instructionSet)
  }

  /// Computes outputs, log-sum-exps and final lookahead keys.
  ///
  /// - Parameters:
  ///   - projections: The six projections, each (B, H, L, d); `qc` may have a multiple of the heads.
  ///   - documents: The documents of every row, L tokens together.
  ///   - results: Where the results go. The lookahead keys may be left out; ``backward`` needs them. Traps if
  ///     one has another shape than ``AttentionResults`` says.
  public func forward(
    _ projections: AttentionProjections<Float>, documents: Documents, results: AttentionResults<Float>
  ) {
    let shape = AttentionShape(projections, mechanism: mechanism)
    shape.check(documents)
    shape.check(results)
    let plan = WorkPlan(shape, documents: documents, threads: pool.threadCount)
    let context = BlockContext(kernels: kernels, mechanism: mechanism, headSize: shape.headSize)
    let problem = ForwardProblem(
      context: context, projections: projections,
      keys: ProjectedKeys(
        context: context, projections: projections, lookaheadKeys: results.lookaheadKeys),
      output: results.output, logSumExp: results.logSumExp, group: shape.group)
    workspace.run(plan, pool: pool) { task, arena in
      problem.run(task, arena: arena)
    } shared: { shared, arenas in
      problem.run(shared, pool: pool, arenas: arenas)
    }
  }
}
