import ArgumentParser
import CastleFormats
import CastleOperations
import CastleSystem
import CastleTensors

/// What decides where and with how many threads a command computes.
struct BackendOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: "Threads that work together (default: all processors).")
  var threads: Int?

  /// The number of threads that the options ask for.
  var threadCount: Int { threads ?? min(Self.most, Processors.available) }

  private static let most = 256

  func validate() throws {
    try OptionRange.check("--threads", threadCount, 1...Self.most)
  }

  /// The backend that the options ask for.
  func makeBackend() throws -> CPUBackend { CPUBackend(pool: try makePool()) }

  /// The threads that the options ask for.
  func makePool() throws -> ThreadPool {
    do {
      return try ThreadPool(starting: threadCount)
    } catch let error as ThreadShortage {
      throw InputError("--threads \(threadCount) is not possible: \(error); choose fewer")
    }
  }
}
