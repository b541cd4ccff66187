import CastleCluster
import CastleOperations

/// Which heads each of some ranks has: KV heads that follow each other, and the query heads that share them.
struct HeadSplit {
  /// The KV heads of each rank.
  let shares: [Range<Int>]

  private let heads: HeadLayout
  private let hasLookahead: Bool

  /// Splits the heads of `configuration`. Traps if there are fewer KV heads than ranks.
  init(_ configuration: ModelConfiguration, world: World) {
    heads = configuration.heads
    hasLookahead = configuration.hasLookahead
    precondition(heads.kvHeads >= world.size, "\(heads.kvHeads) KV heads for \(world.size) ranks")
    shares = world.shares(of: heads.kvHeads)
  }

  /// The model as if it had the heads alone that the rank with the most has.
  static func largest(_ configuration: ModelConfiguration, ranks: World) -> ModelConfiguration {
    let heads = configuration.heads
    let kvHeads = ranks.largestShare(of: heads.kvHeads)
    var own = configuration
    own.heads = HeadLayout(
      queryHeads: heads.queryHeads / heads.kvHeads * kvHeads, kvHeads: kvHeads, headSize: heads.headSize)
    return own
  }

  /// The heads of a rank.
  func layout(of rank: Int) -> HeadLayout {
    HeadLayout(
      queryHeads: shares[rank].count * group, kvHeads: shares[rank].count, headSize: heads.headSize)
  }

  /// The columns of a rank's heads among all projections, a range for each of these.
  func projectionColumns(of rank: Int) -> [Range<Int>] {
    let headsPerKVHead = hasLookahead ? [1, 1, 1, group, 1, 1] : [group, 1, 1]
    var start = 0
    return headsPerKVHead.map { count in
      let width = count * heads.headSize
      defer { start += heads.kvHeads * width }
      return start + shares[rank].lowerBound * width..<start + shares[rank].upperBound * width
    }
  }

  /// The columns of a rank's heads in the output of attention.
  func outputColumns(of rank: Int) -> [Range<Int>] {
    let width = group * heads.headSize
    return [shares[rank].lowerBound * width..<shares[rank].upperBound * width]
  }

  /// The columns of `ranges` together.
  static func width(_ ranges: [Range<Int>]) -> Int { ranges.reduce(0) { $0 + $1.count } }

  /// The KV heads of all ranks.
  var kvHeads: Int { heads.kvHeads }

  private var group: Int { heads.queryHeads / heads.kvHeads }
}
