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

/// Rows of all heads of a group that are to be copied times `factor`, the target's filled up to whole
/// vectors.
struct GroupCopy {
  var source: GroupRows
  var target: GroupRows
  var factor: Float
  var heads: Int
}

extension BlockContext {
  /// Whether products can use the rows of `view` where they are: adjacent, and a row is whole vectors.
  ///
  /// Rows far apart would fall into the same few cache sets.
  func isPacked(_ view: HeadView<Float>) -> Bool {
    (view.tokenStride == headSize || view.length == 1) && headSize == paddedSize
  }

  /// The floats that ``pack(_:times:firstHead:heads:task:into:)`` takes from an arena.
  func packedCount(_ view: HeadView<Float>, times factor: Float = 1, heads: Int, length: Int) -> Int {
    isPacked(view) && factor == 1 ? 0 : heads * length * paddedSize
  }

  /// The rows of `heads` heads from `firstHead` on times `factor`, as products want them: in place if they
  /// already are, or where `copies` will write them.
  func pack(
    _ view: HeadView<Float>, times factor: Float = 1, firstHead: Int, heads: Int, task: HeadTask,
    into arena: ScratchArena, copies: inout [GroupCopy]
  ) -> GroupRows {
    let length = task.document.count
    let first = view.token(task.batch, firstHead, task.document.lowerBound)
    let source = GroupRows(base: first, headStride: view.headStride, stride: view.tokenStride)
    if isPacked(view) && factor == 1 {
      return GroupRows(base: first, headStride: view.headStride, stride: headSize)
    }
    let packed = GroupRows(
      base: arena.take(heads * length * paddedSize), headStride: length * paddedSize, stride: paddedSize)
    copies.append(GroupCopy(source: source, target: packed, factor: factor, heads: heads))
    return packed
  }

  /// Copies the rows of some tokens, counted from the first of the task.
  func run(_ copies: [GroupCopy], tokens: Range<Int>) {
    for group in copies {
      for head in 0..<group.heads {
        copy(
          tokens.count, times: group.factor, group.source.rows(head, from: tokens.lowerBound),
          to: group.target.rows(head, from: tokens.lowerBound))
      }
    }
  }

  /// Memory for the rows of `heads` heads, without a value: in `view` itself if products can work there.
  func accumulator(
    for view: HeadView<Float>, firstHead: Int, heads: Int, task: HeadTask, arena: ScratchArena, inPlace: Bool
  ) -> GroupRows {
    let length = task.document.count
    if inPlace && isPacked(view) {
      return GroupRows(
        base: view.token(task.batch, firstHead, task.document.lowerBound), headStride: view.headStride,
        stride: headSize)
    }
    return GroupRows(
      base: arena.take(heads * length * paddedSize), headStride: length * paddedSize, stride: paddedSize)
  }

  /// Sets `length` rows of an accumulator's heads to zero.
  func clear(_ accumulator: GroupRows, heads: Int, length: Int) {
    for head in 0..<heads {
      accumulator.rows(head, from: 0).base.update(repeating: 0, count: length * paddedSize)
    }
  }

  /// The floats that an accumulator for `view` takes from an arena.
  func accumulatorCount(for view: HeadView<Float>, heads: Int, length: Int, inPlace: Bool) -> Int {
    inPlace && isPacked(view) ? 0 : heads * length * paddedSize
  }
}
