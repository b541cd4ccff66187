import CastleKernels
import CastleTensors

/// The backward pass of one call: how one document of one head group is computed.
struct BackwardProblem {
  let context: BlockContext
  let factors: GradientFactors
  let dOutput: HeadView<Float>
  let projections: AttentionProjections<Float>
  let logSumExp: HeadView<Float>
  let delta: Delta
  let lookaheadKeys: HeadView<Float>?
  /// The panels of keys that there are, where it is not all of them.
  var share: PanelShare?
  let gradients: AttentionProjections<Float>
  /// How many query heads share a KV head.
  let group: Int

  /// Where Δ = dO · o comes from.
  enum Delta {
    /// The outputs.
    case outputs(HeadView<Float>)
    /// Someone has computed it, (B, Hq, L, 1).
    case known(HeadView<Float>)
  }

  /// What all parts of a task read.
  private struct Operands {
    /// What writes the rows that are not laid out as products want them.
    var copies: [GroupCopy] = []
    var queries: GroupRows
    var dOutput: GroupRows
    /// (group, length) each.
    var logSumExp: UnsafeMutablePointer<Float>
    var delta: UnsafeMutablePointer<Float>
    var ku: GroupRows?
    var vu: GroupRows?
    var e: LookaheadWeights?
  }

  /// The gradients that one part of a task gathers over the panels it sweeps.
  private struct Partial {
    var dQueries: GroupRows
    var dKU: GroupRows?
    /// The share of v^U's gradient that comes through U: for each block (d, block rows).
    var dVU: UnsafeMutablePointer<Float>?
    var dE: LookaheadWeights?
  }

  var lookahead: AttentionProjections<Float>.Lookahead? {
    context.mechanism.hasLookahead ? projections.lookahead : nil
  }

  var dLookahead: AttentionProjections<Float>.Lookahead? {
    context.mechanism.hasLookahead ? gradients.lookahead : nil
  }

  // MARK: Running a task

  /// Computes `task` on the calling thread.
  func run(_ task: HeadTask, arena: ScratchArena) {
    arena.reset(
      count: operandCount(task) + partialCount(task, inPlace: true) + prepareCount + sweepCount + finishCount,
      pieces: 48)
    let operands = makeOperands(task, arena: arena)
    let partial = makePartial(task, arena: arena, inPlace: true)
    let blockCount = BlockGeometry(length: task.document.count).blockCount
    let scratch = arena.take(prepareCount)
    for block in 0..<blockCount { prepare(task, block: block, operands, scratch: scratch) }
    sweep(task, part: 0, of: 1, operands: operands, partial: partial, arena: arena)
    let block = Rows(arena.take(finishCount), stride: context.paddedSize)
    for index in 0..<blockCount {
      finish(task, block: index, operands: operands, partials: [partial], scratch: block)
    }
  }

  /// Computes a task on several threads: each takes some of the panels, then the parts are added up.
  func run(_ shared: SharedTask, pool: ThreadPool, arenas: [ScratchArena]) {
    let (task, parts, arena) = (shared.task, shared.parts, arenas[0])
    arena.reset(
      count: operandCount(task) + parts * partialCount(task, inPlace: false), pieces: 16 + 4 * parts)
    let operands = makeOperands(task, arena: arena)
    let partials = (0..<parts).map { _ in makePartial(task, arena: arena, inPlace: false) }
    let blockCount = BlockGeometry(length: task.document.count).blockCount
    pool.forEach(blockCount) { block, thread in
      let arena = arenas[thread + 1]
      arena.reset(count: prepareCount, pieces: 1)
      prepare(task, block: block, operands, scratch: arena.take(prepareCount))
    }
    pool.forEach(parts) { part, thread in
      let arena = arenas[thread + 1]
      arena.reset(count: sweepCount, pieces: 24)
      sweep(task, part: part, of: parts, operands: operands, partial: partials[part], arena: arena)
    }
    pool.forEach(blockCount) { index, thread in
      let arena = arenas[thread + 1]
      arena.reset(count: finishCount, pieces: 1)
      let block = Rows(arena.take(finishCount), stride: context.paddedSize)
      finish(task, block: index, operands: operands, partials: partials, scratch: block)
    }
  }

  // MARK: Steps

  /// Memory for the operands, which ``prepare(_:block:_:scratch:)`` fills.
  private func makeOperands(_ task: HeadTask, arena: ScratchArena) -> Operands {
    let length = task.document.count
    let firstQueryHead = task.kvHead * group
    var copies: [GroupCopy] = []
    var operands = Operands(
      queries: context.pack(
        projections.qc, times: context.scale, firstHead: firstQueryHead, heads: group, task: task,
        into: arena, copies: &copies),
      dOutput: context.pack(
        dOutput, firstHead: firstQueryHead, heads: group, task: task, into: arena, copies: &copies),
      logSumExp: arena.take(group * length), delta: arena.take(group * length))
    if let lookahead {
      operands.ku = context.pack(
        lookahead.ku, times: context.scale, firstHead: task.kvHead, heads: 1, task: task, into: arena,
        copies: &copies)
      operands.vu = context.pack(
        lookahead.vu, firstHead: task.kvHead, heads: 1, task: task, into: arena, copies: &copies)
      operands.e = LookaheadWeights(BlockGeometry(length: length), heads: group, arena: arena)
    }
    operands.copies = copies
    return operands
  }

  /// Computes what all parts read of the tokens of one block.
  private func prepare(
    _ task: HeadTask, block index: Int, _ operands: Operands, scratch: UnsafeMutablePointer<Float>
  ) {
    let length = task.document.count
    let tokens = BlockGeometry(length: length).block(index)
    context.run(operands.copies, tokens: tokens)
    for head in 0..<group {
      let (queryHead, first) = (task.kvHead * group + head, task.document.lowerBound + tokens.lowerBound)
      let place = head * length + tokens.lowerBound
      switch delta {
      case .outputs(let output):
        context.kernels.table.pointee.row_dots(
          tokens.count, context.headSize, dOutput.token(task.batch, queryHead, first), dOutput.tokenStride,
          output.token(task.batch, queryHead, first), output.tokenStride, operands.delta + place)
      case .known(let delta):
        for token in 0..<tokens.count {
          operands.delta[place + token] = delta.token(task.batch, queryHead, first + token)[0]
        }
      }
      for token in 0..<tokens.count {
        operands.logSumExp[place + token] = logSumExp.token(task.batch, queryHead, first + token)[0]
      }
    }
    guard let e = operands.e, let vu = operands.vu else { return }
    e.form(context, block: index, queries: operands.queries, vu: vu, heads: group, scratch: scratch)
  }

  private func makePartial(_ task: HeadTask, arena: ScratchArena, inPlace: Bool) -> Partial {
    let length = task.document.count
    var partial = Partial(
      dQueries: context.accumulator(
        for: gradients.qc, firstHead: task.kvHead * group, heads: group, task: task, arena: arena,
        inPlace: inPlace))
    guard let dLookahead else { return partial }
    partial.dKU = context.accumulator(
      for: dLookahead.ku, firstHead: task.kvHead, heads: 1, task: task, arena: arena, inPlace: inPlace)
    partial.dVU = arena.take(dVUCount(task))
    partial.dE = LookaheadWeights(BlockGeometry(length: length), heads: group, arena: arena)
    return partial
  }

  private func clear(_ partial: Partial, _ task: HeadTask) {
    let length = task.document.count
    context.clear(partial.dQueries, heads: group, length: length)
    if let dKU = partial.dKU { context.clear(dKU, heads: 1, length: length) }
    partial.dVU?.update(repeating: 0, count: dVUCount(task))
    partial.dE?.clear(heads: group)
  }

  /// Sweeps the panels of one part with all blocks of queries, the last block first.
  private func sweep(
    _ task: HeadTask, part: Int, of parts: Int, operands: Operands, partial: Partial, arena: ScratchArena
  ) {
    clear(partial, task)
    let geometry = BlockGeometry(length: task.document.count)
    let step = BackwardStep(context, arena: arena)
    var panel = BackwardPanel(context, arena: arena)
    for index in geometry.panels(part: part, of: parts) where share.hasPanel(index, task: task) {
      load(geometry.panel(index), task: task, into: &panel)
      for block in geometry.blocks(ofPanel: index, visible: context.mechanism.visibleLength).reversed() {
        step.run(
          backwardBlock(block, geometry: geometry, task: task, operands: operands, partial: partial),
          heads: group, panel: panel)
      }
      store(panel, task: task)
    }
  }

  private func backwardBlock(
    _ index: Int, geometry: BlockGeometry, task: HeadTask, operands: Operands, partial: Partial
  ) -> BackwardBlock {
    let tokens = geometry.block(index)
    let start = tokens.lowerBound
    let queries = operands.queries.rows(0, from: start)
    return BackwardBlock(
      tokens: tokens, ku: operands.ku?.rows(0, from: start) ?? queries,
      vu: operands.vu?.rows(0, from: start) ?? queries, queries: queries,
      dQueries: partial.dQueries.rows(0, from: start), queryHeadStride: operands.queries.headStride,
      dQueryHeadStride: partial.dQueries.headStride, dOutput: operands.dOutput.rows(0, from: start),
      dOutputHeadStride: operands.dOutput.headStride, e: operands.e?[0, index] ?? queries,
      dE: partial.dE?[0, index] ?? queries, eHeadStride: operands.e?.headStride ?? 0,
      logSumExp: operands.logSumExp + start, delta: operands.delta + start,
      statisticsHeadStride: task.document.count, dKU: partial.dKU?.rows(0, from: start) ?? queries,
      dVU: partial.dVU.map { blockOfDVU($0, index) } ?? queries)
  }

  private func blockOfDVU(_ base: UnsafeMutablePointer<Float>, _ index: Int) -> Rows {
    let side = BlockGeometry.blockRows
    return Rows(base + index * context.headSize * side, stride: side)
  }

  private func load(_ tokens: Range<Int>, task: HeadTask, into panel: inout BackwardPanel) {
    let first = share.firstRow(ofKeys: tokens, task: task)
    func source(_ view: HeadView<Float>) -> Rows {
      Rows(view.token(task.batch, task.kvHead, first), stride: view.tokenStride)
    }
    func clear(_ rows: Rows, _ count: Int) { rows.base.update(repeating: 0, count: count * rows.stride) }
    panel.tokens = tokens
    context.transposePanel(tokens.count, source(projections.kc), to: panel.kc)
    context.transposePanel(tokens.count, source(projections.vc), to: panel.vc)
    context.copy(tokens.count, source(projections.kc), to: panel.kcRows)
    clear(panel.dKC, tokens.count)
    clear(panel.dVC, tokens.count)
    guard let lookahead, let keys = lookaheadKeys else { return }
    context.transposePanel(tokens.count, source(lookahead.qu), to: panel.qu)
    context.copy(tokens.count, source(lookahead.qu), to: panel.quRows)
    context.transposePanel(tokens.count, source(keys), to: panel.u)
    context.copy(tokens.count, source(keys), to: panel.uRows)
    clear(panel.dU, context.headSize)
    clear(panel.dQU, tokens.count)
  }

  private func store(_ panel: BackwardPanel, task: HeadTask) {
    let first = share.firstRow(ofKeys: panel.tokens, task: task)
    func store(_ rows: Rows, times factor: Float, _ view: HeadView<Float>) {
      write(
        rows, count: panel.tokens.count, times: factor,
        to: Rows(view.token(task.batch, task.kvHead, first), stride: view.tokenStride))
    }
    store(panel.dKC, times: factors.key, gradients.kc)
    store(panel.dVC, times: 1, gradients.vc)
    if let dLookahead { store(panel.dQU, times: factors.gateQuery, dLookahead.qu) }
  }

  /// Adds up the parts of one block, passes dE on to q^C and v^U, and writes the block's gradients.
  private func finish(
    _ task: HeadTask, block index: Int, operands: Operands, partials: [Partial], scratch: Rows
  ) {
    let tokens = BlockGeometry(length: task.document.count).block(index)
    let (rows, start, d) = (tokens.count, tokens.lowerBound, context.headSize)
    let kernels = context.kernels
    let sum = partials[0]
    for other in partials.dropFirst() { add(other, to: sum, block: index, rows: rows, start: start) }
    if let dVU = sum.dVU {
      kernels.transpose(d, rows, blockOfDVU(dVU, index), to: scratch)
    }
    for head in 0..<group {
      let dQueries = sum.dQueries.rows(head, from: start)
      if let dE = sum.dE, let vu = operands.vu {
        context.clearAboveDiagonal(rows, dE[head, index])
        kernels.multiply(
          rows, context.paddedSize, into: dQueries, CASTLE_ADD,
          .product(dE[head, index], vu.rows(0, from: start), depth: rows, left: .lowerTriangle))
        kernels.multiply(
          rows, context.paddedSize, into: scratch, CASTLE_ADD,
          .transposedProduct(
            dE[head, index], operands.queries.rows(head, from: start), depth: rows, left: .lowerTriangle))
      }
      write(
        dQueries, times: factors.query, to: gradients.qc, head: task.kvHead * group + head, task: task,
        tokens: tokens)
    }
    if let dLookahead, let dKU = sum.dKU {
      write(
        dKU.rows(0, from: start), times: factors.gateKey, to: dLookahead.ku, head: task.kvHead, task: task,
        tokens: tokens)
      write(scratch, times: factors.key, to: dLookahead.vu, head: task.kvHead, task: task, tokens: tokens)
    }
  }

  private func add(_ other: Partial, to sum: Partial, block index: Int, rows: Int, start: Int) {
    func add(_ source: Rows, _ target: Rows, _ count: Int) {
      for i in 0..<count { target.base[i] += source.base[i] }
    }
    let side = BlockGeometry.blockRows
    for head in 0..<group {
      add(
        other.dQueries.rows(head, from: start), sum.dQueries.rows(head, from: start),
        rows * context.paddedSize)
      if let dE = sum.dE, let more = other.dE { add(more[head, index], dE[head, index], side * side) }
    }
    if let dKU = sum.dKU, let more = other.dKU {
      add(more.rows(0, from: start), dKU.rows(0, from: start), rows * context.paddedSize)
    }
    if let dVU = sum.dVU, let more = other.dVU {
      add(blockOfDVU(more, index), blockOfDVU(dVU, index), context.headSize * side)
    }
  }

  /// Writes rows, which may be there already, times `factor` to their tokens.
  private func write(
    _ rows: Rows, times factor: Float, to view: HeadView<Float>, head: Int, task: HeadTask, tokens: Range<Int>
  ) {
    let first = view.token(task.batch, head, task.document.lowerBound + tokens.lowerBound)
    write(rows, count: tokens.count, times: factor, to: Rows(first, stride: view.tokenStride))
  }

  private func write(_ rows: Rows, count: Int, times factor: Float, to target: Rows) {
    context.kernels.write(count, context.headSize, times: factor, rows, to: target)
  }
}
