import CastleKernels
import CastleTensors
import Foundation

/// The forward pass of one call: how one document of one head group is computed.
struct ForwardProblem {
  let context: BlockContext
  let projections: AttentionProjections<Float>
  let results: AttentionResults<Float>
  /// How many query heads share a key head.
  let group: Int

  /// What all parts of a task read.
  private struct Operands {
    var queries: GroupRows
    var ku: GroupRows?
    var vu: GroupRows?
    var e: LookaheadWeights?
  }

  /// What one part of a task gathers.
  private struct Partial {
    var output: GroupRows
    /// (group, length) each.
    var maxima: UnsafeMutablePointer<Float>
    var sums: UnsafeMutablePointer<Float>
  }

  // MARK: Running a task

  /// Computes `task` on the calling thread.
  func run(_ task: HeadTask, arena: ScratchArena) {
    arena.reset(
      count: operandCount(task) + partialCount(task, inPlace: true) + sweepCount(task), pieces: 24)
    let operands = prepare(task, arena: arena)
    let partial = makePartial(task, arena: arena, inPlace: true)
    sweep(task, part: 0, of: 1, operands: operands, partial: partial, arena: arena)
    finish(task, tokens: 0..<task.document.count, partials: [partial])
  }

  /// Computes `task` on all threads: each takes some of the panels, then the parts are merged.
  func run(_ task: HeadTask, parts: Int, pool: ThreadPool, arenas: [ScratchArena]) {
    let shared = arenas[0]
    shared.reset(
      count: operandCount(task) + parts * partialCount(task, inPlace: false), pieces: 8 + 4 * parts)
    let operands = prepare(task, arena: shared)
    let partials = (0..<parts).map { _ in makePartial(task, arena: shared, inPlace: false) }
    pool.forEach(parts) { part, thread in
      let arena = arenas[thread + 1]
      arena.reset(count: sweepCount(task), pieces: 8)
      sweep(task, part: part, of: parts, operands: operands, partial: partials[part], arena: arena)
    }
    pool.forEachRange(of: task.document.count, minimum: 64) { tokens in
      finish(task, tokens: tokens, partials: partials)
    }
  }

  // MARK: Memory

  private func operandCount(_ task: HeadTask) -> Int {
    let length = task.document.count
    var count = context.packedCount(projections.qc, heads: group, length: length)
    if let lookahead = projections.lookahead, context.mechanism.hasLookahead {
      count += context.packedCount(lookahead.ku, heads: 1, length: length)
      count += context.packedCount(lookahead.vu, heads: 1, length: length)
      count += LookaheadWeights.count(length: length, heads: group)
      count += context.headSize * BlockGeometry.blockRows
    }
    return count
  }

  private func partialCount(_ task: HeadTask, inPlace: Bool) -> Int {
    let length = task.document.count
    return context.accumulatorCount(for: results.output, heads: group, length: length, inPlace: inPlace)
      + 2 * group * length
  }

  private func sweepCount(_ task: HeadTask) -> Int {
    ForwardStep.scratchCount
      + BlockGeometry.panelWidth * (3 * context.headSize + context.paddedSize)
  }

  // MARK: Steps

  private func prepare(_ task: HeadTask, arena: ScratchArena) -> Operands {
    let length = task.document.count
    let firstQueryHead = task.keyHead * group
    var operands = Operands(
      queries: context.pack(
        projections.qc, firstHead: firstQueryHead, heads: group, task: task, into: arena))
    guard let lookahead = projections.lookahead, context.mechanism.hasLookahead else { return operands }
    operands.ku = context.pack(lookahead.ku, firstHead: task.keyHead, heads: 1, task: task, into: arena)
    let vu = context.pack(lookahead.vu, firstHead: task.keyHead, heads: 1, task: task, into: arena)
    operands.vu = vu
    let e = LookaheadWeights(length: length, heads: group, arena: arena)
    e.form(
      context, queries: operands.queries, vu: vu, heads: group, length: length, arena: arena)
    operands.e = e
    return operands
  }

  private func makePartial(_ task: HeadTask, arena: ScratchArena, inPlace: Bool) -> Partial {
    let count = group * task.document.count
    let partial = Partial(
      output: context.accumulator(
        for: results.output, firstHead: task.keyHead * group, heads: group, task: task, arena: arena,
        inPlace: inPlace),
      maxima: arena.take(count), sums: arena.take(count))
    partial.maxima.update(repeating: -.infinity, count: count)
    partial.sums.update(repeating: 0, count: count)
    return partial
  }

  /// Sweeps the panels of one part with all blocks of queries.
  private func sweep(
    _ task: HeadTask, part: Int, of parts: Int, operands: Operands, partial: Partial, arena: ScratchArena
  ) {
    let geometry = BlockGeometry(length: task.document.count)
    let step = ForwardStep(context, arena: arena)
    let width = BlockGeometry.panelWidth
    let d = context.headSize
    var panel = KeyPanel(
      tokens: 0..<0, qu: Rows(arena.take(d * width), stride: width),
      kc: Rows(arena.take(d * width), stride: width), u: Rows(arena.take(d * width), stride: width),
      vc: Rows(arena.take(width * context.paddedSize), stride: context.paddedSize))
    for index in geometry.panels(part: part, of: parts) {
      load(geometry.panel(index), task: task, into: &panel)
      for block in geometry.blocks(ofPanel: index) {
        step.run(
          queryBlock(block, geometry: geometry, task: task, operands: operands, partial: partial),
          heads: group, panel: panel)
      }
      storeLookaheadKeys(panel, task: task)
    }
  }

  private func queryBlock(
    _ index: Int, geometry: BlockGeometry, task: HeadTask, operands: Operands, partial: Partial
  ) -> QueryBlock {
    let tokens = geometry.block(index)
    let queries = operands.queries.rows(0, from: tokens.lowerBound)
    let output = partial.output.rows(0, from: tokens.lowerBound)
    return QueryBlock(
      tokens: tokens,
      ku: operands.ku?.rows(0, from: tokens.lowerBound) ?? queries,
      vu: operands.vu?.rows(0, from: tokens.lowerBound) ?? queries,
      queries: queries, queryHeadStride: operands.queries.headStride,
      e: operands.e?[0, index] ?? queries, eHeadStride: operands.e?.headStride ?? 0, output: output,
      outputHeadStride: partial.output.headStride,
      maxima: partial.maxima + tokens.lowerBound, sums: partial.sums + tokens.lowerBound,
      statisticsHeadStride: task.document.count)
  }

  private func load(_ tokens: Range<Int>, task: HeadTask, into panel: inout KeyPanel) {
    func source(_ view: HeadView<Float>) -> Rows {
      Rows(
        view.token(task.batch, task.keyHead, task.document.lowerBound + tokens.lowerBound),
        stride: view.tokenStride)
    }
    panel.tokens = tokens
    context.transposePanel(tokens.count, source(projections.kc), to: panel.kc)
    context.copy(tokens.count, source(projections.vc), to: panel.vc)
    if let lookahead = projections.lookahead, context.mechanism.hasLookahead {
      context.transposePanel(tokens.count, source(lookahead.qu), to: panel.qu)
      panel.u.base.update(repeating: 0, count: context.headSize * panel.u.stride)
    }
  }

  private func storeLookaheadKeys(_ panel: KeyPanel, task: HeadTask) {
    guard context.mechanism.hasLookahead, let view = results.lookaheadKeys else { return }
    let first = view.token(task.batch, task.keyHead, task.document.lowerBound + panel.tokens.lowerBound)
    context.kernels.transpose(
      context.headSize, panel.tokens.count, panel.u, to: Rows(first, stride: view.tokenStride))
  }

  /// Merges the parts of some tokens and writes outputs and log-sum-exps.
  private func finish(_ task: HeadTask, tokens: Range<Int>, partials: [Partial]) {
    for head in 0..<group {
      let queryHead = task.keyHead * group + head
      for token in tokens {
        let place = head * task.document.count + token
        let absolute = task.document.lowerBound + token
        let largest = partials.reduce(-Float.infinity) { Float.maximum($0, $1.maxima[place]) }
        var sum: Float = 0
        for partial in partials where partial.sums[place] != 0 {
          sum += partial.sums[place] * exp(partial.maxima[place] - largest)
        }
        let output = results.output.token(task.batch, queryHead, absolute)
        for (index, partial) in partials.enumerated() {
          let row = partial.output.rows(head, from: token).base
          let empty = partial.sums[place] == 0
          let weight = empty ? 0 : exp(partial.maxima[place] - largest) / sum
          for i in 0..<context.headSize {
            let value = weight * row[i]
            output[i] = index == 0 ? value : output[i] + value
          }
        }
        results.logSumExp.token(task.batch, queryHead, absolute)[0] = largest + log(sum)
      }
    }
  }
}
