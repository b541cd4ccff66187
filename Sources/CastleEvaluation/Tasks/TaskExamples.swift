import CastleFormats
import CastleTensors

/// The examples that a question comes after.
public struct TaskExamples: Sendable {
  /// How many there are.
  public var count: Int
  /// What chooses them.
  public var seed: UInt64
  /// The set that they are drawn from; nil: that of the question, without the question itself.
  public var source: TaskSet?

  /// No examples.
  public static let none = TaskExamples(count: 0)

  /// `count` examples before each question, drawn anew for each by `seed`.
  public init(count: Int, seed: UInt64 = 1, source: TaskSet? = nil) {
    self.count = count
    self.seed = seed
    self.source = source
  }

  /// - Throws: ``InputError`` if `set` cannot have these examples.
  package func check(_ set: TaskSet) throws {
    guard count > 0 else { return }
    guard set.kind != .sentencePairs else {
      throw InputError("\(set.path) holds sentence pairs, which take no examples; evaluate it without them")
    }
    if let source, source.kind != set.kind {
      throw InputError(
        "\(source.path) is of the kind \(source.kind.rawValue), but \(set.path) of the kind "
          + "\(set.kind.rawValue); examples must be of the same kind")
    }
    let most = source?.items.count ?? set.items.count - 1
    guard count <= most else {
      throw InputError(
        "\((source ?? set).path) has \(NumberFormat.count(most, "example")) for a question, "
          + "but \(count) are asked for"
      )
    }
  }

  /// The text before question `index` of `set`: each example, then an empty line.
  func text(before index: Int, of set: TaskSet) -> String {
    guard count > 0 else { return "" }
    let pool = source?.items ?? set.items
    let skipped = source == nil ? index : nil
    return draw(from: pool.count, skipping: skipped, question: index)
      .map { pool[$0].example + "\n\n" }.joined()
  }

  /// ``count`` different numbers below `size` without `skipped`, in ascending order (Floyd's algorithm).
  private func draw(from size: Int, skipping skipped: Int?, question: Int) -> [Int] {
    var random = RandomSource(seed: SplitMix64.mixed(seed) ^ UInt64(question))
    let size = skipped == nil ? size : size - 1
    var chosen: Set<Int> = []
    for last in size - count..<size {
      let number = random.next(below: last + 1)
      if !chosen.insert(number).inserted { chosen.insert(last) }
    }
    return chosen.map { number in
      guard let skipped, number >= skipped else { return number }
      return number + 1
    }.sorted()
  }
}
