import CastleFormats
import Foundation

/// The time of a process as one of the ranks that `mpirun` or `srun` has started, or as the only one.
package enum ClusterSession {
  /// A rank ends whose error another one tells.
  package struct ToldElsewhere: Error {}

  /// The seconds that a rank that fails waits for others that fail with it.
  private static let patience = 2.0

  /// Joins the other ranks, if there are any, runs `body` and leaves them. One rank alone is an ordinary
  /// process, which asks nothing of MPI.
  ///
  /// If every rank fails, the main rank throws its error and the others ``ToldElsewhere``. If some fail, one
  /// line names the rank and its host, and all ranks end: those that wait for one that has failed are ended
  /// by MPI. `describe` spells an error; `tell` shows a line of a rank that must end the others.
  ///
  /// - Throws: ``InputError`` if there are several ranks and no MPI, and what `body` throws.
  package static func run(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    describe: (any Error) -> String, tell: (String) -> Void, _ body: (any Communicator) throws -> Void
  ) throws {
    guard let launched = LaunchedRank(environment: environment), launched.size > 1 else {
      return try body(SingleProcess())
    }
    #if MPI
      let communicator = try MPICommunicator()
      guard communicator.world.size == launched.size else {
        throw InputError(
          subject: "\(launched.launcher)",
          problem:
            "has started \(launched.size) ranks, but \(communicator.library) sees \(communicator.world.size)",
          remedy: launched.launcher == "srun"
            ? "start with srun --mpi=pmix or --mpi=pmi2, whichever that library knows"
            : "start with the mpirun of \(communicator.library), or build castle with the other library: "
              + "make build MPI=mpich or MPI=ompi-c")
      }
      let result = Result { try body(communicator) }
      try leave(communicator, result, describe: describe, tell: tell)
    #else
      throw launched.needsMPI
    #endif
  }

  #if MPI
    private static func leave(
      _ communicator: MPICommunicator, _ result: Result<Void, any Error>, describe: (any Error) -> String,
      tell: (String) -> Void
    ) throws {
      var failure: (any Error)?
      if case .failure(let error) = result { failure = (error as? RankFailure)?.own ?? error }
      let (rank, isMain) = (communicator.world.rank, communicator.world.isMain)
      let words = failure.map(describe)
      guard let all = communicator.lastWords(words, within: failure == nil ? nil : patience) else {
        let line = words ?? "the other ranks are gone"
        tell(failure is RankFailure ? line : "rank \(rank) on \(communicator.hosts[rank]): \(line)")
        communicator.abort()
      }
      communicator.finish()
      guard let first = all.firstIndex(where: { $0 != nil }) else { return }
      guard isMain else { throw ToldElsewhere() }
      if let failure, failure is RankFailure || !all.contains(nil) { throw failure }
      throw RankFailure(rank: first, host: communicator.hosts[first], message: all[first] ?? "")
    }
  #endif
}
