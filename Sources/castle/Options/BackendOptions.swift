import ArgumentParser
import CastleOperations
import CastleTensors

/// What decides where and with how many threads a command computes.
struct BackendOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: "Threads that work together (default: all processors).")
  var threads: Int?

  /// The number of threads to use.
  var threadCount: Int { threads ?? min(Self.most, ThreadPool.availableProcessors) }

  private static let most = 256

  func validate() throws {
    guard (1...Self.most).contains(threadCount) else {
      throw ValidationError("--threads \(threadCount) is not possible; choose 1 to \(Self.most).")
    }
  }

  /// The backend that the options ask for.
  func makeBackend() -> CPUBackend { CPUBackend(threads: threadCount) }
}
