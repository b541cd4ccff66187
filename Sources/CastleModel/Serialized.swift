import Dispatch

/// Lets many tasks use a value that belongs to one thread of control, such as a model or an engine: one after
/// the other.
///
/// Calls wait their turn without blocking a thread. Those that run have a thread of their own, so that long
/// computations do not hold up the tasks of a server.
///
/// ```swift
/// let engine = Serialized(InferenceEngine(try LanguageModel(folder: folder, backend: CPUBackend())))
/// let logits = try await engine.withValue { engine in
///   let sequence = try engine.makeSequence(capacity: prompt.count)
///   return try engine.advance(sequence, by: prompt)
/// }
/// ```
public actor Serialized<Value> {
  private var value: Value
  private let executor = QueueExecutor()

  /// Takes over `value`, which nobody else may use from now on.
  public init(_ value: sending Value) { self.value = value }

  /// Calls `body` with the value when it is free. What `body` returns must not refer to the value.
  public func withValue<Result: Sendable>(
    _ body: @Sendable (inout Value) throws -> Result
  ) rethrows -> Result {
    try body(&value)
  }

  /// What the calls run on.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
}

/// A queue of the system, apart from the threads that Swift's tasks share.
private final class QueueExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "castle.serialized")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
