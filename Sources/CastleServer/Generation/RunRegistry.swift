import CastleServing
import Synchronization

/// All answers that are being generated: bounds their number and their time, and ends them.
final class RunRegistry: Sendable {
  private struct State {
    var runs: [Int: GenerationRun] = [:]
    /// Answers that have their place but no run yet.
    var starting = 0
    var nextKey = 0
    var traces = 0
    var isClosed = false
    /// Why all answers were ended.
    var end: (any Error)?
  }

  private let state = Mutex(State())
  private let limit: Int
  private let seconds: Double
  /// How long an answer that was told to end may take to be written.
  private static let writingSeconds = 5.0

  /// A registry of at most `limit` answers, each of which may take so many seconds.
  init(limit: Int, seconds: Double) {
    self.limit = limit
    self.seconds = seconds
  }

  /// A model writes nothing while it is traced: this many may wait for it.
  private static let traceLimit = 4

  /// The number of answers that are being generated, traces among them.
  var count: Int { state.withLock { $0.runs.count + $0.starting + $0.traces } }

  /// Whether new answers are refused.
  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Begins an answer, which ends when its client goes away, its time is over, or the result is dropped.
  ///
  /// - Throws: ``APIError`` if there are too many or the server is at its end, and what the engine throws.
  func start(
    _ requests: [ServingRequest], engine: any TokenEngine, connection: ClientConnection
  ) throws -> RunLease {
    let key = try state.withLock { state in
      guard !state.isClosed else { throw APIError.shuttingDown }
      guard state.runs.count + state.starting < limit else {
        throw APIError.busy("\(limit) answers are being generated, which is the most; try again later")
      }
      state.nextKey += 1
      state.starting += 1
      return state.nextKey
    }
    let run = try begin(key) { try GenerationRun(requests, engine: engine) }
    let closing = connection.whenClosed { run.end(throwing: ClientGone()) }
    let (seconds, writing) = (seconds, Self.writingSeconds)
    let timer = Task {
      try await Task.sleep(for: .seconds(seconds))
      run.end(
        throwing: APIError.unavailable(
          "the answer took longer than \(Int(seconds)) seconds, which is the most; ask for fewer tokens",
          code: "timeout"))
      try await Task.sleep(for: .seconds(writing))
      connection.close()
    }
    return RunLease(run) { [self] in
      timer.cancel()
      connection.forget(closing)
      run.end(throwing: CancellationError())
      state.withLock { _ = $0.runs.removeValue(forKey: key) }
    }
  }

  /// Enters the run that `make` returns; its place is free again if that fails.
  private func begin(_ key: Int, _ make: () throws -> GenerationRun) throws -> GenerationRun {
    let run: GenerationRun
    do { run = try make() } catch {
      state.withLock { $0.starting -= 1 }
      throw error
    }
    let end = state.withLock { state in
      state.starting -= 1
      state.runs[key] = run
      return state.end
    }
    if let end { run.end(throwing: end) }
    return run
  }

  /// Calls `body`, which traces a model.
  ///
  /// - Throws: ``APIError`` if too many do or the server is at its end, and what `body` throws.
  func trace<Result>(_ body: () async throws -> Result) async throws -> Result {
    try state.withLock { state in
      guard !state.isClosed else { throw APIError.shuttingDown }
      guard state.traces < Self.traceLimit else {
        throw APIError.busy("\(Self.traceLimit) traces are being made, which is the most; try again later")
      }
      state.traces += 1
    }
    defer { state.withLock { $0.traces -= 1 } }
    return try await body()
  }

  /// Refuses new answers from now on.
  func close() { state.withLock { $0.isClosed = true } }

  /// Ends all answers.
  func endAll(throwing error: any Error) {
    let runs = state.withLock { state in
      state.end = error
      return Array(state.runs.values)
    }
    for run in runs { run.end(throwing: error) }
  }
}

/// The client went away.
struct ClientGone: Error {}

/// An answer that is being generated, for as long as someone wants it.
final class RunLease: Sendable {
  let run: GenerationRun
  private let end: @Sendable () -> Void

  init(_ run: GenerationRun, end: @escaping @Sendable () -> Void) {
    self.run = run
    self.end = end
  }

  deinit { end() }
}
