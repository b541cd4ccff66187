package import CastleCluster
import CastleFormats

extension ExperimentRunner {
  /// Does what is missing of `cells` together with the runners of the other ranks, each of which calls this:
  /// none takes a cell that another has. Every rank returns when all have ended, with the outcome of all.
  ///
  /// - Throws: ``RankFailure`` if a runner throws an error, or where there is one rank only that error.
  package func run(
    _ cells: [ExperimentCell], retriesFailed: Bool = false, with communicator: any Communicator
  ) throws -> Outcome {
    guard communicator.world.size > 1 else { return try run(cells, retriesFailed: retriesFailed) }
    // Otherwise every rank would try a cell again that fails once more.
    _ = try communicator.together {
      guard retriesFailed, communicator.world.isMain else { return true }
      for cell in cells { if case .failed = try folder.state(cell) { folder.forgetFailure(of: cell) } }
      return true
    }
    let areInterrupted = try communicator.together { try run(cells) == .interrupted }
    guard !areInterrupted.contains(true) else { return .interrupted }
    var failed: [String] = []
    var taken: [String] = []
    _ = try communicator.together {
      for cell in cells {
        switch try folder.state(cell) {
        case .failed: failed.append(cell.name)
        case .running: taken.append(cell.name)
        case .missing, .interrupted, .finished: break
        }
      }
      return true
    }
    return .done(failed: failed, taken: taken)
  }
}
