import ArgumentParser
import CastleCluster
import CastleFormats
import CastleOperations
import CastleSystem
import CastleTensors

/// What decides where and with how many threads a command computes.
struct BackendOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: "Threads that work together (default: all processors).")
  var threads: Int?

  /// The number of threads that the options ask for.
  var threadCount: Int { threadCount(ranks: 1) }

  /// The number of threads of each of `ranks` processes that share the processors.
  func threadCount(ranks: Int) -> Int { threads ?? max(1, min(Self.most, Processors.available / ranks)) }

  private static let most = 256

  func validate() throws {
    try OptionRange.check("--threads", threadCount, 1...Self.most)
  }

  /// The backend that the options ask for.
  func makeBackend() throws -> CPUBackend { CPUBackend(pool: try makePool()) }

  /// The threads of one of the ranks of `communicator`, which share the processors of their hosts.
  func makePool(_ communicator: any Communicator) throws -> ThreadPool {
    let places = zip(communicator.hosts, try communicator.gather(Processors.affinity)).map { "\($0) \($1)" }
    return try makePool(ranks: places.count { $0 == places[communicator.world.rank] })
  }

  /// The threads that the options ask for, of one of `ranks` processes that share the processors.
  func makePool(ranks: Int = 1) throws -> ThreadPool {
    let count = threadCount(ranks: ranks)
    do {
      return try ThreadPool(starting: count)
    } catch let error as ThreadShortage {
      throw InputError("--threads \(count) is not possible: \(error); choose fewer")
    }
  }
}
