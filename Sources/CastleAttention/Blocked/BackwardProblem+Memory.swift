/// The floats of scratch memory that the parts of a task need.
extension BackwardProblem {
  func operandCount(_ task: HeadTask) -> Int {
    let length = task.document.count
    var count = context.packedCount(projections.qc, times: context.scale, heads: group, length: length)
    count += context.packedCount(dOutput, heads: group, length: length)
    count += 2 * group * length
    if let lookahead {
      count += context.packedCount(lookahead.ku, times: context.scale, heads: 1, length: length)
      count += context.packedCount(lookahead.vu, heads: 1, length: length)
      count += LookaheadWeights.count(BlockGeometry(length: length), heads: group)
    }
    return count
  }

  var prepareCount: Int { LookaheadWeights.scratchCount(context) }

  func partialCount(_ task: HeadTask, inPlace: Bool) -> Int {
    let length = task.document.count
    var count = context.accumulatorCount(for: gradients.qc, heads: group, length: length, inPlace: inPlace)
    if let dLookahead {
      count += context.accumulatorCount(for: dLookahead.ku, heads: 1, length: length, inPlace: inPlace)
      count += dVUCount(task) + LookaheadWeights.count(BlockGeometry(length: length), heads: group)
    }
    return count
  }

  func dVUCount(_ task: HeadTask) -> Int {
    BlockGeometry(length: task.document.count).blockCount * context.headSize * BlockGeometry.blockRows
  }

  var sweepCount: Int { BackwardStep.scratchCount + BackwardPanel.scratchCount(context) }

  var finishCount: Int { BlockGeometry.blockRows * context.paddedSize }
}
