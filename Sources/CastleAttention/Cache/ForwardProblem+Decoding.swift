import CastleKernels
import CastleTensors

/// Decoding: one token and its cache. What ``ForwardProblem`` does block by block is one pass over the cache
/// here, with the same bits.
extension ForwardProblem where Keys == CachedKeys {
  /// The operands of a token, laid out for the kernel, in memory of an arena.
  private struct Token {
    /// (group, padded size), scaled.
    let queries: UnsafeMutablePointer<Float>
    /// Scaled.
    let ku: UnsafeMutablePointer<Float>?
    let vu: UnsafeMutablePointer<Float>?
  }

  /// What some panels have added up, a row or an element for each head of the group.
  private struct Sums {
    let weights: UnsafeMutablePointer<Float>
    let output: UnsafeMutablePointer<Float>
    let references: UnsafeMutablePointer<Float>
    let sums: UnsafeMutablePointer<Float>
  }

  /// Attends from the only token of `task`, on the calling thread.
  func decode(_ task: HeadTask, arena: ScratchArena) {
    arena.reset(count: tokenCount + sumsCount, pieces: 6)
    let token = makeToken(task, arena: arena)
    let sums = makeSums(arena: arena)
    add(panels: 0..<keys.panels[task.kvHead].count, to: sums, token, task)
    finish(task, parts: [sums])
  }

  /// The same on several threads: each takes some of the panels, then the parts are merged.
  func decode(_ shared: SharedTask, pool: ThreadPool, arenas: [ScratchArena]) {
    let (task, arena) = (shared.task, arenas[0])
    let geometry = geometry(task)
    arena.reset(count: tokenCount + shared.parts * sumsCount, pieces: 2 + 4 * shared.parts)
    let token = makeToken(task, arena: arena)
    let parts = (0..<shared.parts).map { _ in makeSums(arena: arena) }
    pool.forEach(shared.parts) { part in
      add(panels: geometry.panels(part: part, of: shared.parts), to: parts[part], token, task)
    }
    finish(task, parts: parts)
  }

  private var tokenCount: Int { (group + 1) * context.paddedSize }
  private var sumsCount: Int { group * (context.paddedSize + 3) }

  private func makeToken(_ task: HeadTask, arena: ScratchArena) -> Token {
    let padded = context.paddedSize
    let row = task.document.lowerBound
    let queries = arena.take(group * padded)
    for head in 0..<group {
      let source = projections.qc.token(task.batch, task.kvHead * group + head, row)
      context.copy(
        1, times: context.scale, Rows(source, stride: padded),
        to: Rows(queries + head * padded, stride: padded))
    }
    guard let lookahead = projections.lookahead, context.mechanism.hasLookahead else {
      return Token(queries: queries, ku: nil, vu: nil)
    }
    let ku = arena.take(padded)
    context.copy(
      1, times: context.scale, Rows(lookahead.ku.token(task.batch, task.kvHead, row), stride: padded),
      to: Rows(ku, stride: padded))
    return Token(queries: queries, ku: ku, vu: lookahead.vu.token(task.batch, task.kvHead, row))
  }

  private func makeSums(arena: ScratchArena) -> Sums {
    let padded = context.paddedSize
    let sums = Sums(
      weights: arena.take(group), output: arena.take(group * padded), references: arena.take(group),
      sums: arena.take(group))
    sums.output.update(repeating: 0, count: group * padded)
    sums.references.update(repeating: -.infinity, count: group)
    sums.sums.update(repeating: 0, count: group)
    return sums
  }

  /// Adds some panels, whose lookahead keys read the token.
  private func add(panels indices: some Sequence<Int>, to sums: Sums, _ token: Token, _ task: HeadTask) {
    let mechanism = context.mechanism
    let panels = keys.panels[task.kvHead]
    withUnsafeTemporaryAllocation(of: castle_cached_panel.self, capacity: panels.count) { memory in
      var count = 0
      for index in indices {
        memory.initializeElement(at: count, to: panels[index].kernelPanel(context, index: index))
        count += 1
      }
      var decoding = castle_decoding()
      decoding.panels = UnsafePointer(memory.baseAddress)
      decoding.panel_count = count
      decoding.token = task.past
      decoding.window = mechanism.windowLength
      decoding.visible = mechanism.visibleLength
      decoding.silu = mechanism.appliesSiLU ? 1 : 0
      decoding.uses_causal_keys = mechanism.usesCausalKeys ? 1 : 0
      decoding.d = context.headSize
      decoding.padded = context.paddedSize
      decoding.heads = group
      decoding.queries = UnsafePointer(token.queries)
      decoding.ku = token.ku.map { UnsafePointer($0) }
      decoding.vu = token.vu.map { UnsafePointer($0) }
      decoding.weights = token.ku == nil ? nil : sums.weights
      decoding.output = sums.output
      decoding.references = sums.references
      decoding.sums = sums.sums
      context.kernels.table.pointee.decode(&decoding)
    }
  }

  private func finish(_ task: HeadTask, parts: [Sums]) {
    let padded = context.paddedSize
    finish(
      task, rows: 0..<1,
      partials: parts.map {
        Partial(
          output: GroupRows(base: $0.output, headStride: padded, stride: padded), references: $0.references,
          sums: $0.sums)
      })
  }
}

extension CachedPanel {
  /// The panel as the kernel takes it.
  fileprivate func kernelPanel(_ context: BlockContext, index: Int) -> castle_cached_panel {
    let width = BlockGeometry.panelWidth
    var panel = castle_cached_panel()
    panel.first = index * width
    if let keys = keysAndValues?.base {
      panel.kc = UnsafePointer(keys)
      panel.vc = UnsafePointer(keys + context.headSize * width)
    }
    panel.qu = queries.map { UnsafePointer($0.base) }
    panel.u = lookaheadKeys?.base
    return panel
  }
}
