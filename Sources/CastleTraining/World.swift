/// The processes that train one model together, and which of them this is.
///
/// A single process is a world of one, the ordinary case. Batches, their order and the records of a run do
/// not depend on the number of ranks.
public struct World: Sendable, Hashable {
  /// The number of this process, 0 ..< size.
  public let rank: Int
  /// The number of processes.
  public let size: Int

  /// Traps unless 0 ≤ rank < size.
  public init(rank: Int, size: Int) {
    precondition(size > 0 && (0..<size).contains(rank), "rank \(rank) of \(size)")
    self.rank = rank
    self.size = size
  }

  /// A single process.
  public static let single = World(rank: 0, size: 1)

  /// Whether this is the process that writes what a run leaves: records, checkpoints, the model.
  public var isMain: Bool { rank == 0 }

  /// This rank's part of `count` things in order; the parts differ by at most one.
  public func share(of count: Int) -> Range<Int> {
    count * rank / size..<count * (rank + 1) / size
  }
}
