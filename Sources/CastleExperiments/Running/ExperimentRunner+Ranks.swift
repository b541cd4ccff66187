package import CastleCluster
import CastleFormats

extension ExperimentRunner {
  /// Does what is missing of `cells` together with the runners of the other ranks, each of which calls this:
  /// none takes a cell that another has. Every rank returns when all have ended, with the outcome of all.
  ///
  /// - Throws: ``InputError`` if cells are left, ``RankFailure`` if a runner throws an error, or where there
  ///   is one rank only that error.
  package func run(
    _ cells: [ExperimentCell], retriesFailed: Bool = false, with communicator: any Communicator
  ) throws -> Outcome {
    guard communicator.world.size > 1 else { return try run(cells, retriesFailed: retriesFailed) }
    // Otherwise every rank would try a cell again that fails once more.
    try communicator.onEveryRank {
      guard retriesFailed, communicator.world.isMain else { return }
      for cell in cells { if case .failed = try folder.state(cell) { folder.forgetFailure(of: cell) } }
    }
    // Who asks for the state of a cell has its lock for a moment: one that everybody took for another's is
    // left, and done in the next round.
    var left = Int.max
    while left > 0 {
      let areInterrupted = try communicator.together { try run(cells) == .interrupted }
      guard !areInterrupted.contains(true) else { return .interrupted }
      let now = try communicator.together { try leftCount(of: cells) }[0]
      guard now < left else {
        throw InputError(
          "\(NumberFormat.count(now, "cell")) could not be taken by any rank; the same command goes on")
      }
      left = now
    }
    return try communicator.onEveryRank {
      var failed: [String] = []
      var taken: [String] = []
      for cell in cells {
        switch try folder.state(cell) {
        case .failed: failed.append(cell.name)
        case .running: taken.append(cell.name)
        case .missing, .interrupted, .finished: break
        }
      }
      return .done(failed: failed, taken: taken)
    }
  }

  /// The number of cells on which nobody works and that have not been done.
  private func leftCount(of cells: [ExperimentCell]) throws -> Int {
    try cells.count {
      switch try folder.state($0) {
      case .missing, .interrupted: true
      case .running, .failed, .finished: false
      }
    }
  }
}
