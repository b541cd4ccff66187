/// The processes that train one model together, and which of them this is.
///
/// A single process is a world of one, the ordinary case. Batches, their order and the records of a run do
/// not depend on the number of ranks.
public struct World: Sendable, Hashable {
  /// The number of this process, 0 ..< size.
  public let rank: Int
  /// The number of processes.
  public let size: Int
  /// The number of these processes on this one's host, this one included: they share its memory.
  public let ranksOnHost: Int

  /// Traps unless 0 ≤ rank < size and 1 ≤ ranksOnHost ≤ size.
  public init(rank: Int, size: Int, ranksOnHost: Int = 1) {
    precondition(size > 0 && (0..<size).contains(rank), "rank \(rank) of \(size)")
    precondition((1...size).contains(ranksOnHost), "\(ranksOnHost) of \(size) ranks on a host")
    self.rank = rank
    self.size = size
    self.ranksOnHost = ranksOnHost
  }

  /// A single process.
  public static let single = World(rank: 0, size: 1)

  /// Whether this is the process that writes what a run leaves: records, checkpoints, the model.
  public var isMain: Bool { rank == 0 }

  /// This rank's part of `count` things in order; the parts differ by at most one.
  public func share(of count: Int) -> Range<Int> { Self.share(of: count, rank: rank, size: size) }

  /// The parts of `count` things in order that all ranks have, rank by rank.
  public func shares(of count: Int) -> [Range<Int>] {
    (0..<size).map { Self.share(of: count, rank: $0, size: size) }
  }

  /// The most of `count` things that a rank has.
  package func largestShare(of count: Int) -> Int { (count + size - 1) / size }

  private static func share(of count: Int, rank: Int, size: Int) -> Range<Int> {
    count * rank / size..<count * (rank + 1) / size
  }
}
