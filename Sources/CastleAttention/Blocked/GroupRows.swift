import CastleTensors

/// The rows of all heads of a group on one document, in place or packed.
struct GroupRows {
  var base: UnsafeMutablePointer<Float>
  /// From a head to the next.
  var headStride: Int
  /// From a token to the next.
  var stride: Int

  func rows(_ head: Int, from token: Int) -> Rows {
    Rows(base + head * headStride + token * stride, stride: stride)
  }
}

extension BlockContext {
  /// Whether products can use the rows of `view` where they lie: adjacent, and a row is whole vectors.
  ///
  /// Rows far apart would fall into the same few cache sets.
  func isPacked(_ view: HeadView<Float>) -> Bool {
    (view.tokenStride == headSize || view.length == 1) && headSize == paddedSize
  }

  /// The floats that ``pack(_:times:firstHead:heads:task:into:)`` takes from an arena.
  func packedCount(_ view: HeadView<Float>, times factor: Float = 1, heads: Int, length: Int) -> Int {
    isPacked(view) && factor == 1 ? 0 : heads * length * paddedSize
  }

  /// The rows of `heads` heads from `firstHead` on times `factor`, as products want them: in place if they already are.
  func pack(
    _ view: HeadView<Float>, times factor: Float = 1, firstHead: Int, heads: Int, task: HeadTask,
    into arena: ScratchArena
  ) -> GroupRows {
    let length = task.document.count
    let first = view.token(task.batch, firstHead, task.document.lowerBound)
    if isPacked(view) && factor == 1 {
      return GroupRows(base: first, headStride: view.headStride, stride: headSize)
    }
    let packed = GroupRows(
      base: arena.take(heads * length * paddedSize), headStride: length * paddedSize, stride: paddedSize)
    for head in 0..<heads {
      copy(
        length, times: factor, Rows(first + head * view.headStride, stride: view.tokenStride),
        to: packed.rows(head, from: 0))
    }
    return packed
  }

  /// Memory for the rows of `heads` heads, set to zero: in `view` itself if products can work there.
  func accumulator(
    for view: HeadView<Float>, firstHead: Int, heads: Int, task: HeadTask, arena: ScratchArena, inPlace: Bool
  ) -> GroupRows {
    let length = task.document.count
    var rows: GroupRows
    if inPlace && isPacked(view) {
      rows = GroupRows(
        base: view.token(task.batch, firstHead, task.document.lowerBound), headStride: view.headStride,
        stride: headSize)
    } else {
      rows = GroupRows(
        base: arena.take(heads * length * paddedSize), headStride: length * paddedSize, stride: paddedSize)
    }
    for head in 0..<heads {
      rows.rows(head, from: 0).base.update(repeating: 0, count: length * paddedSize)
    }
    return rows
  }

  /// The floats that an accumulator for `view` takes from an arena.
  func accumulatorCount(for view: HeadView<Float>, heads: Int, length: Int, inPlace: Bool) -> Int {
    inPlace && isPacked(view) ? 0 : heads * length * paddedSize
  }
}
