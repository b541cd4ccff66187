public import CastleTensors

/// The UQ-KV cache (Equations, Cache): what one layer remembers of one sequence.
///
/// Of every token it keeps the lookahead key u, the causal key k^C and the value v^C, and q^U as long as the
/// window reaches; for causal attention k^C and v^C alone. Appending one token is decoding, appending many is
/// (chunked) prefill; both are the blocked algorithm, going on from the present u.
///
/// ```swift
/// let cache = LookaheadCache(
///   mechanism: .castle, queryHeads: 8, kvHeads: 8, headSize: 64, capacity: 4096, pool: pool)
/// cache.append(prompt, output: promptOutput)
/// cache.append(nextToken, output: nextOutput)
/// ```
///
/// A cache is used by one thread at a time; it spreads the work over its pool.
public final class LookaheadCache {
  /// Which attention.
  public let mechanism: Mechanism
  /// The number of query heads, Hq.
  public let queryHeads: Int
  /// The number of heads of the other projections, H.
  public let kvHeads: Int
  /// The size of a head, d.
  public let headSize: Int
  /// The number of tokens that fit.
  public let capacity: Int
  /// The number of tokens in the cache.
  public private(set) var length = 0

  private let context: BlockContext
  private let pool: ThreadPool
  private let workspace: AttentionWorkspace
  /// (heads, panels).
  private var panels: [[CachedPanel]]
  /// The panels as they were at earlier lengths.
  private var snapshots: [Int: [[CachedPanel]]] = [:]

  /// An empty cache. Traps if the heads do not form groups or a size is negative.
  public init(
    mechanism: Mechanism, queryHeads: Int, kvHeads: Int, headSize: Int, capacity: Int, pool: ThreadPool,
    instructionSet: InstructionSet = .best, workspace: AttentionWorkspace = AttentionWorkspace()
  ) {
    precondition(
      kvHeads > 0 && queryHeads > 0 && queryHeads % kvHeads == 0, "heads do not form groups")
    precondition(headSize > 0 && capacity >= 0, "a cache of \(capacity) tokens with heads of \(headSize)")
    self.mechanism = mechanism
    self.queryHeads = queryHeads
    self.kvHeads = kvHeads
    self.headSize = headSize
    self.capacity = capacity
    self.pool = pool
    self.workspace = workspace
    context = BlockContext(
      kernels: AttentionKernels(instructionSet), mechanism: mechanism, headSize: headSize)
    panels = Array(repeating: [], count: kvHeads)
  }

  private init(forking other: LookaheadCache) {
    mechanism = other.mechanism
    queryHeads = other.queryHeads
    kvHeads = other.kvHeads
    headSize = other.headSize
    capacity = other.capacity
    length = other.length
    context = other.context
    pool = other.pool
    workspace = other.workspace
    panels = other.panels
    snapshots = other.snapshots
  }

  /// The bytes that the tokens in the cache and the snapshots take, in whole panels of 64 tokens. What
  /// several of them share counts once.
  public var byteCount: Int {
    var counted: Set<ObjectIdentifier> = []
    let memory = ([panels] + snapshots.values).joined().joined().flatMap(\.memory)
    return memory.reduce(0) { counted.insert(ObjectIdentifier($1)).inserted ? $0 + $1.byteCount : $0 }
  }

  /// The bytes that a cache of `length` tokens takes before any query is dropped, without snapshots and
  /// sharing.
  package static func byteCount(mechanism: Mechanism, kvHeads: Int, headSize: Int, length: Int) -> Int {
    kvHeads * BlockGeometry(length: length).panelCount
      * CachedPanel.byteCount(headSize: headSize, hasLookahead: mechanism.hasLookahead)
  }

  /// Tokens that a cache is to append.
  public struct Addition {
    /// The cache that grows.
    public let cache: LookaheadCache
    /// The projections of any number of tokens, each (1, H, n, d).
    public let projections: AttentionProjections<Float>
    /// Where o goes, (1, Hq, n, d).
    public let output: HeadView<Float>
    /// Where the log-sum-exps go, (1, Hq, n, 1), if wanted.
    public let logSumExp: HeadView<Float>?

    /// Bundles the parts.
    public init(
      to cache: LookaheadCache, _ projections: AttentionProjections<Float>, output: HeadView<Float>,
      logSumExp: HeadView<Float>? = nil
    ) {
      self.cache = cache
      self.projections = projections
      self.output = output
      self.logSumExp = logSumExp
    }

    /// Writes what the cache keeps of the only token in one head, which there is room for.
    fileprivate func writeToken(head: Int) {
      let (index, column) = cache.length.quotientAndRemainder(dividingBy: BlockGeometry.panelWidth)
      cache.write(
        projections, tokens: 0..<1, head: head, to: cache.panels[head][index], column: column)
    }
  }

  /// Appends the tokens of `projections` and attends from each of them.
  ///
  /// - Parameters:
  ///   - projections: The projections of any number of tokens, each (1, H, n, d).
  ///   - output: Where o goes, (1, Hq, n, d).
  ///   - logSumExp: Where the log-sum-exps go, (1, Hq, n, 1), if wanted.
  /// - Complexity: O(n t d) for each head when t tokens are in the cache.
  public func append(
    _ projections: AttentionProjections<Float>, output: HeadView<Float>, logSumExp: HeadView<Float>? = nil
  ) {
    Self.append([Addition(to: self, projections, output: output, logSumExp: logSumExp)])
  }

  /// Appends to several caches in one call, which spreads the heads of all of them over the threads.
  ///
  /// What a cache computes does not depend on the others, not even in the last bit: its heads are split as if
  /// it came alone. Traps if a cache occurs twice, or if two have different pools.
  public static func append(_ additions: [Addition]) {
    guard let first = additions.first?.cache else { return }
    precondition(
      Set(additions.map { ObjectIdentifier($0.cache) }).count == additions.count,
      "a cache cannot grow twice in one call")
    precondition(additions.allSatisfy { $0.cache.pool === first.pool }, "caches on different threads")
    var problems: [ForwardProblem<CachedKeys>] = []
    var plans: [WorkPlan] = []
    for (index, addition) in additions.enumerated() {
      let (cache, shape) = (addition.cache, addition.cache.shape(of: addition))
      problems.append(cache.problem(addition, shape))
      plans.append(
        WorkPlan(
          shape, documents: Documents(length: shape.length), past: cache.length, problem: index,
          threads: cache.pool.threadCount))
    }
    first.workspace.run(WorkPlan(plans), pool: first.pool) { task, arena in
      let problem = problems[task.problem]
      if task.document.count == 1 {
        additions[task.problem].writeToken(head: task.kvHead)
        problem.decode(task, arena: arena)
      } else {
        problem.run(task, arena: arena)
      }
    } shared: { shared, arenas in
      let problem = problems[shared.task.problem]
      if shared.task.document.count == 1 {
        additions[shared.task.problem].writeToken(head: shared.task.kvHead)
        problem.decode(shared, pool: first.pool, arenas: arenas)
      } else {
        problem.run(shared, pool: first.pool, arenas: arenas)
      }
    }
    for addition in additions {
      addition.cache.length += addition.output.length
      addition.cache.dropQueriesOutsideWindow()
    }
  }

  /// The sizes of what is to be appended. Traps if it does not fit the cache.
  private func shape(of addition: Addition) -> AttentionShape {
    let shape = AttentionShape(addition.projections, mechanism: mechanism)
    precondition(
      shape.batch == 1 && shape.queryHeads == queryHeads && shape.kvHeads == kvHeads
        && shape.headSize == headSize, "projections do not fit the cache")
    shape.check(output: addition.output, logSumExp: addition.logSumExp)
    precondition(length + shape.length <= capacity, "the cache is full")
    return shape
  }

  /// Makes room for the tokens and says what is to be computed for them.
  private func problem(_ addition: Addition, _ shape: AttentionShape) -> ForwardProblem<CachedKeys> {
    for head in 0..<kvHeads { extend(head, by: shape.length, addition.projections) }
    return ForwardProblem(
      context: context, projections: addition.projections,
      keys: CachedKeys(context: context, panels: panels), output: addition.output,
      logSumExp: addition.logSumExp, group: shape.group)
  }

  /// Writes the present lookahead keys, (1, H, length, d). Traps for causal attention.
  public func copyLookaheadKeys(to target: HeadView<Float>) {
    precondition(
      mechanism.hasLookahead && target.batch == 1 && target.heads == kvHeads && target.length == length
        && target.size == headSize, "no lookahead keys of this shape")
    let geometry = BlockGeometry(length: length)
    for head in 0..<kvHeads {
      for (index, panel) in panels[head].enumerated() {
        guard let memory = panel.lookaheadKeys else { continue }
        let tokens = geometry.panel(index)
        context.kernels.transpose(
          headSize, tokens.count, Rows(memory.base, stride: BlockGeometry.panelWidth),
          to: Rows(target.token(0, head, tokens.lowerBound), stride: target.tokenStride))
      }
    }
  }

  // MARK: Copies

  /// A copy, with its snapshots, that goes its own way. It shares with this cache whatever neither of them
  /// changes: k^C, v^C and q^U of full panels, and the lookahead keys that the window has left behind.
  ///
  /// The two also share the pool and the scratch memory, so that they must not append at the same time: the
  /// second traps.
  public func fork() -> LookaheadCache { LookaheadCache(forking: self) }

  /// Remembers the state at the present length, so that ``truncate(to:)`` can come back to it.
  ///
  /// A snapshot takes no time. The next ``append(_:output:logSumExp:)`` copies what it changes: the last
  /// panel, unless it is full, and the lookahead keys that the window reaches, which for full lookahead are
  /// those of all tokens.
  public func snapshot() { snapshots[length] = panels }

  /// Forgets all snapshots and gives back their memory.
  public func discardSnapshots() { snapshots = [:] }

  /// Whether ``truncate(to:)`` can go to `length`: if a snapshot was taken there, it is the present length or
  /// 0, or there are no lookahead keys to restore and as many tokens.
  public func canTruncate(to length: Int) -> Bool {
    length == self.length || snapshots[length] != nil
      || (!mechanism.hasLookahead && (0...self.length).contains(length)) || length == 0
  }

  /// Drops the tokens from `length` on, and the snapshots that have more. Traps if ``canTruncate(to:)`` says
  /// no.
  public func truncate(to length: Int) {
    precondition(canTruncate(to: length), "no snapshot was taken at \(length) tokens")
    guard length != self.length else { return }
    if let snapshot = snapshots[length] {
      panels = snapshot
    } else {
      let count = BlockGeometry(length: length).panelCount
      for head in 0..<kvHeads { panels[head].removeSubrange(count...) }
    }
    self.length = length
    snapshots = snapshots.filter { $0.key <= length }
  }

  // MARK: Panels

  /// Makes room for `count` more tokens of `head`. Writes what is kept of them, unless it is one alone, which
  /// the thread that attends from it writes.
  private func extend(_ head: Int, by count: Int, _ projections: AttentionProjections<Float>) {
    let width = BlockGeometry.panelWidth
    for index in panels[head].indices where isReached(index) {
      PanelMemory.makeUnique(&panels[head][index].lookaheadKeys)
    }
    var token = 0
    while token < count {
      let (index, column) = (length + token).quotientAndRemainder(dividingBy: width)
      if index == panels[head].count {
        panels[head].append(CachedPanel(context))
      } else {
        PanelMemory.makeUnique(&panels[head][index].keysAndValues)
        PanelMemory.makeUnique(&panels[head][index].queries)
      }
      let columns = min(count - token, width - column)
      if count > 1 {
        write(
          projections, tokens: token..<token + columns, head: head, to: panels[head][index], column: column)
      }
      token += columns
    }
  }

  private func write(
    _ projections: AttentionProjections<Float>, tokens: Range<Int>, head: Int, to panel: CachedPanel,
    column: Int
  ) {
    let width = BlockGeometry.panelWidth
    func source(_ view: HeadView<Float>) -> Rows {
      Rows(view.token(0, head, tokens.lowerBound), stride: view.tokenStride)
    }
    if let memory = panel.keysAndValues {
      context.kernels.transpose(
        tokens.count, headSize, source(projections.kc), to: Rows(memory.base + column, stride: width))
      let values = memory.base + headSize * width + column * context.paddedSize
      context.copy(tokens.count, source(projections.vc), to: Rows(values, stride: context.paddedSize))
    }
    guard let lookahead = projections.lookahead, let queries = panel.queries,
      let keys = panel.lookaheadKeys
    else { return }
    context.kernels.transpose(
      tokens.count, headSize, source(lookahead.qu), to: Rows(queries.base + column, stride: width))
    for i in 0..<headSize {
      (keys.base + i * width + column).update(repeating: 0, count: tokens.count)
    }
  }

  /// Whether the window of some key in the panel reaches the next token.
  private func isReached(_ index: Int) -> Bool {
    mechanism.reads(distance: max(1, length - ((index + 1) * BlockGeometry.panelWidth - 1)))
  }

  private func dropQueriesOutsideWindow() {
    guard mechanism.hasLookahead else { return }
    for head in 0..<kvHeads {
      for index in panels[head].indices.reversed() where !isReached(index) {
        guard panels[head][index].queries != nil else { break }
        panels[head][index].queries = nil
      }
    }
  }
}
