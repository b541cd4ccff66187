import CastleKernels
import CastleTensors
import Foundation

/// The forward pass of one call, or of one cache in it: how one document of one head group is computed.
struct ForwardProblem<Keys: KeySource> {
  let context: BlockContext
  let projections: AttentionProjections<Float>
  let keys: Keys
  /// Where o goes, (B, Hq, L, d).
  let output: HeadView<Float>
  /// Where the log-sum-exps go, (B, Hq, L, 1), if anybody wants them.
  let logSumExp: HeadView<Float>?
  /// How many query heads share a KV head.
  let group: Int

  /// What all parts of a task read.
  private struct Operands {
    /// What writes the rows that are not laid out as products want them.
    var copies: [GroupCopy] = []
    var queries: GroupRows
    var ku: GroupRows?
    var vu: GroupRows?
    var e: LookaheadWeights?
  }

  /// What one part of a task gathers.
  struct Partial {
    var output: GroupRows
    /// (group, length) each; the references in units of ln 2.
    var references: UnsafeMutablePointer<Float>
    var sums: UnsafeMutablePointer<Float>
  }

  func geometry(_ task: HeadTask) -> BlockGeometry {
    BlockGeometry(tokens: task.past..<task.past + task.document.count)
  }

  // MARK: Running a task

  /// Computes `task` on the calling thread.
  func run(_ task: HeadTask, arena: ScratchArena) {
    arena.reset(
      count: operandCount(task) + partialCount(task, inPlace: true) + prepareCount + sweepCount, pieces: 24)
    let operands = makeOperands(task, arena: arena)
    let partial = makePartial(task, arena: arena, inPlace: true)
    let scratch = arena.take(prepareCount)
    for block in 0..<geometry(task).blockCount { prepare(task, block: block, operands, scratch: scratch) }
    sweep(task, part: 0, of: 1, operands: operands, partial: partial, arena: arena)
    finish(task, rows: 0..<task.document.count, partials: [partial])
  }

  /// Computes a task on several threads: each takes some of the panels, then the parts are merged.
  func run(_ shared: SharedTask, pool: ThreadPool, arenas: [ScratchArena]) {
    let (task, parts, arena) = (shared.task, shared.parts, arenas[0])
    arena.reset(
      count: operandCount(task) + parts * partialCount(task, inPlace: false), pieces: 8 + 4 * parts)
    let operands = makeOperands(task, arena: arena)
    let partials = (0..<parts).map { _ in makePartial(task, arena: arena, inPlace: false) }
    pool.forEach(geometry(task).blockCount) { block, thread in
      let arena = arenas[thread + 1]
      arena.reset(count: prepareCount, pieces: 1)
      prepare(task, block: block, operands, scratch: arena.take(prepareCount))
    }
    pool.forEach(parts) { part, thread in
      let arena = arenas[thread + 1]
      arena.reset(count: sweepCount, pieces: 8)
      sweep(task, part: part, of: parts, operands: operands, partial: partials[part], arena: arena)
    }
    pool.forEachRange(of: task.document.count, minimum: 64) { rows in
      finish(task, rows: rows, partials: partials)
    }
  }

  // MARK: Memory

  private func operandCount(_ task: HeadTask) -> Int {
    let length = task.document.count
    var count = context.packedCount(projections.qc, times: context.scale, heads: group, length: length)
    if let lookahead = projections.lookahead, context.mechanism.hasLookahead {
      count += context.packedCount(lookahead.ku, times: context.scale, heads: 1, length: length)
      count += context.packedCount(lookahead.vu, heads: 1, length: length)
      count += LookaheadWeights.count(geometry(task), heads: group)
    }
    return count
  }

  private var prepareCount: Int { LookaheadWeights.scratchCount(context) }

  private func partialCount(_ task: HeadTask, inPlace: Bool) -> Int {
    let length = task.document.count
    return context.accumulatorCount(for: output, heads: group, length: length, inPlace: inPlace)
      + 2 * group * length
  }

  private var sweepCount: Int {
    ForwardStep.scratchCount + KeyPanel.scratchCount(context)
  }

  // MARK: Steps

  /// Memory for the operands, which ``prepare(_:block:_:scratch:)`` fills.
  private func makeOperands(_ task: HeadTask, arena: ScratchArena) -> Operands {
    var copies: [GroupCopy] = []
    var operands = Operands(
      queries: context.pack(
        projections.qc, times: context.scale, firstHead: task.kvHead * group, heads: group, task: task,
        into: arena, copies: &copies))
    if let lookahead = projections.lookahead, context.mechanism.hasLookahead {
      operands.ku = context.pack(
        lookahead.ku, times: context.scale, firstHead: task.kvHead, heads: 1, task: task, into: arena,
        copies: &copies)
      operands.vu = context.pack(
        lookahead.vu, firstHead: task.kvHead, heads: 1, task: task, into: arena, copies: &copies)
      operands.e = LookaheadWeights(geometry(task), heads: group, arena: arena)
    }
    operands.copies = copies
    return operands
  }

  /// Computes what all parts read of the tokens of one block.
  private func prepare(
    _ task: HeadTask, block index: Int, _ operands: Operands, scratch: UnsafeMutablePointer<Float>
  ) {
    let tokens = geometry(task).block(index)
    context.run(operands.copies, tokens: tokens.lowerBound - task.past..<tokens.upperBound - task.past)
    guard let e = operands.e, let vu = operands.vu else { return }
    e.form(context, block: index, queries: operands.queries, vu: vu, heads: group, scratch: scratch)
  }

  private func makePartial(_ task: HeadTask, arena: ScratchArena, inPlace: Bool) -> Partial {
    let count = group * task.document.count
    return Partial(
      output: context.accumulator(
        for: output, firstHead: task.kvHead * group, heads: group, task: task, arena: arena,
        inPlace: inPlace),
      references: arena.take(count), sums: arena.take(count))
  }

  /// Makes `partial` that of no keys.
  private func clear(_ partial: Partial, _ task: HeadTask) {
    let length = task.document.count
    context.clear(partial.output, heads: group, length: length)
    partial.references.update(repeating: -.infinity, count: group * length)
    partial.sums.update(repeating: 0, count: group * length)
  }

  /// Sweeps the panels of one part with all blocks of queries.
  private func sweep(
    _ task: HeadTask, part: Int, of parts: Int, operands: Operands, partial: Partial, arena: ScratchArena
  ) {
    clear(partial, task)
    let geometry = geometry(task)
    let step = ForwardStep(context, arena: arena)
    let scratch = KeyPanel(context, arena: arena)
    for index in geometry.panels(part: part, of: parts) {
      let blocks = geometry.blocks(ofPanel: index, visible: context.mechanism.visibleLength)
      guard !blocks.isEmpty, keys.has(index, task: task) else { continue }
      let panel = keys.panel(index, tokens: geometry.panel(index), task: task, scratch: scratch)
      for block in blocks {
        step.run(
          queryBlock(block, geometry: geometry, task: task, operands: operands, partial: partial),
          heads: group, panel: panel)
      }
      keys.finish(panel, task: task)
    }
  }

  private func queryBlock(
    _ index: Int, geometry: BlockGeometry, task: HeadTask, operands: Operands, partial: Partial
  ) -> QueryBlock {
    let tokens = geometry.block(index)
    let row = tokens.lowerBound - task.past
    let queries = operands.queries.rows(0, from: row)
    return QueryBlock(
      tokens: tokens, ku: operands.ku?.rows(0, from: row) ?? queries,
      vu: operands.vu?.rows(0, from: row) ?? queries, queries: queries,
      queryHeadStride: operands.queries.headStride, e: operands.e?[0, index] ?? queries,
      eHeadStride: operands.e?.headStride ?? 0, output: partial.output.rows(0, from: row),
      outputHeadStride: partial.output.headStride, references: partial.references + row,
      sums: partial.sums + row, statisticsHeadStride: task.document.count)
  }

  /// Merges the parts of some rows and writes outputs and log-sum-exps.
  func finish(_ task: HeadTask, rows: Range<Int>, partials: [Partial]) {
    for head in 0..<group {
      let queryHead = task.kvHead * group + head
      for row in rows {
        let place = head * task.document.count + row
        let token = task.document.lowerBound + row
        var largest = -Float.infinity
        for partial in partials { largest = Float.maximum(largest, partial.references[place]) }
        func weight(_ partial: Partial) -> Float {
          let reference = partial.references[place]
          return partial.sums[place] == 0 ? 0 : reference == largest ? 1 : exp2(reference - largest)
        }
        var sum: Float = 0
        for partial in partials { sum += partial.sums[place] * weight(partial) }
        // A token sees none of these keys, as where another process has them.
        guard sum > 0 || sum.isNaN else {
          output.token(task.batch, queryHead, token).update(repeating: 0, count: context.headSize)
          logSumExp?.token(task.batch, queryHead, token)[0] = -.infinity
          continue
        }
        let target = output.token(task.batch, queryHead, token)
        let first = partials[0].output.rows(head, from: row).base
        let share = weight(partials[0]) / sum
        for i in 0..<context.headSize { target[i] = share * first[i] }
        for partial in partials.dropFirst() {
          let source = partial.output.rows(head, from: row).base
          let share = weight(partial) / sum
          for i in 0..<context.headSize { target[i] += share * source[i] }
        }
        logSumExp?.token(task.batch, queryHead, token)[0] = Float(
          log(2.0) * (Double(largest) + log2(Double(sum))))
      }
    }
  }
}
