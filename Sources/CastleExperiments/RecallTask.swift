public import CastleTensors
package import CastleTraining

/// Items that are labeled after they appear: item, label, item, label, …, and at the end one of the labels
/// again. The answer is the item that had this label.
///
/// The key of an item has to hold what comes *after* it (Equations, Probe).
public struct RecallTask: Sendable, Hashable {
  /// The number of (item, label) pairs of a sequence.
  public var pairCount = 8
  /// The number of different items.
  public var itemCount = 32
  /// The number of different labels, at least ``pairCount``.
  public var labelCount = 8

  /// The task of the probe: 8 pairs, 32 items, 8 labels.
  public init() {}

  /// The number of tokens of a sequence.
  public var length: Int { 2 * pairCount + 1 }
  /// Items are the tokens 0 ..< itemCount, labels come after them.
  public var vocabularySize: Int { itemCount + labelCount }

  /// A sequence and its answer. No item and no label occurs twice before the question.
  public func sequence(_ source: inout RandomSource) -> (tokens: [Int32], answer: Int32) {
    let items = Self.choose(pairCount, of: itemCount, &source)
    let labels = Self.choose(pairCount, of: labelCount, &source).map { $0 + Int32(itemCount) }
    let asked = Int(source.next() % UInt64(pairCount))
    let tokens = zip(items, labels).flatMap { [$0, $1] } + [labels[asked]]
    return (tokens, items[asked])
  }

  /// `count` different numbers below `total`.
  private static func choose(_ count: Int, of total: Int, _ source: inout RandomSource) -> [Int32] {
    var numbers = Array(0..<Int32(total))
    for place in 0..<count {
      numbers.swapAt(place, place + Int(source.next() % UInt64(total - place)))
    }
    return Array(numbers[..<count])
  }
}

/// Fresh sequences of a ``RecallTask``; only the answers are targets.
package final class RecallBatches: BatchSource {
  package private(set) var position = 0

  private let task: RecallTask
  private let batchSize: Int
  private var source: RandomSource

  /// Batches of `batchSize` sequences of `task`.
  package init(_ task: RecallTask, batchSize: Int, seed: UInt64) {
    self.task = task
    self.batchSize = batchSize
    source = RandomSource(seed: seed)
  }

  package func next() -> TokenBatch {
    var tokens: [Int32] = []
    var targets: [Int32] = []
    for _ in 0..<batchSize {
      let (sequence, answer) = task.sequence(&source)
      tokens += sequence
      targets += Array(repeating: -1, count: task.length - 1) + [answer]
    }
    position += batchSize
    return TokenBatch(tokens: tokens, targets: targets, length: task.length)
  }
}
