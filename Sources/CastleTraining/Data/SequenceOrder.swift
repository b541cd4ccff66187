import CastleTensors

/// A seeded order of `count` sequences, different in every epoch, computed index by index.
///
/// A Feistel network permutes the next power of four; indices that fall outside `0..<count` are sent through
/// it again until they fall inside, which keeps the map a permutation (cycle walking: Black and Rogaway,
/// "Ciphers with arbitrary finite domains", 2002). Nothing is stored, so a corpus of any size costs nothing,
/// and a position in the data is one integer.
public struct SequenceOrder: Sendable, Hashable {
  /// The number of sequences of an epoch.
  public let count: Int
  /// What the order is made from.
  public let seed: UInt64

  private let halfBits: UInt64

  /// An order of `count` sequences. Traps if there is none.
  public init(count: Int, seed: UInt64) {
    precondition(count > 0, "an order needs at least one sequence")
    self.count = count
    self.seed = seed
    let bits = Int.bitWidth - (count - 1).leadingZeroBitCount
    halfBits = UInt64(max(1, (bits + 1) / 2))
  }

  /// The sequence at `position`, where positions 0 ..< count are the first epoch, the next `count` the
  /// second.
  public func sequence(at position: Int) -> Int {
    let (epoch, index) = position.quotientAndRemainder(dividingBy: count)
    let epochSeed = SplitMix64.mixed(seed &+ SplitMix64.mixed(UInt64(epoch) &+ 1))
    var value = UInt64(index)
    repeat {
      value = permuted(value, seed: epochSeed)
    } while value >= UInt64(count)
    return Int(value)
  }

  private static let rounds: UInt64 = 6

  private func permuted(_ value: UInt64, seed: UInt64) -> UInt64 {
    let mask = (UInt64(1) << halfBits) - 1
    var left = value >> halfBits
    var right = value & mask
    for round in 0..<Self.rounds {
      (left, right) = (right, left ^ (SplitMix64.mixed(seed &+ (right << 8 | round)) & mask))
    }
    return left << halfBits | right
  }
}
