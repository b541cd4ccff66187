/// Ranks in groups of equal size. Those of a group share the tokens of the same sequences; each group has
/// sequences of its own.
package struct RankGroups {
  /// All ranks.
  package let all: any Communicator
  /// The ranks of this one's group.
  package let own: any Communicator
  /// The groups, and which of them is this rank's.
  package let groups: World

  /// Groups of `size` neighboring ranks. Every rank must make them. Traps unless `size` divides the number of
  /// ranks.
  ///
  /// - Throws: An error if another rank is gone, or the network fails.
  package init(_ all: any Communicator, size: Int) throws {
    self.all = all
    groups = all.world.groups(of: size)
    own = size == 1 ? SingleProcess() : try all.group(groups.rank)
  }

  /// Each rank a group of its own.
  package init(alone all: any Communicator) {
    self.all = all
    groups = all.world
    own = SingleProcess()
  }
}

extension World {
  /// The groups of `size` neighboring ranks as if each were a rank. Traps unless `size` divides the number of
  /// ranks.
  package func groups(of size: Int) -> World {
    precondition(size > 0 && self.size.isMultiple(of: size), "\(self.size) ranks in groups of \(size)")
    guard size > 1 else { return self }
    let count = self.size / size
    return World(rank: rank / size, size: count, ranksOnHost: max(1, min(count, ranksOnHost / size)))
  }
}
