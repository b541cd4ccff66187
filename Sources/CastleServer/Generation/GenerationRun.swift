import CastleServing
import Synchronization

/// Lets an engine work on all choices of one answer and gives what comes as one sequence.
///
/// A few choices are with the engine at a time, so that one client with many prompts does not fill the queue.
final class GenerationRun: Sendable {
  /// What one choice gives.
  struct Event: Sendable {
    var choice: Int
    var event: ServingEvent
  }

  /// What comes, up to the end of the last choice.
  let events: AsyncThrowingStream<Event, any Error>

  private let continuation: AsyncThrowingStream<Event, any Error>.Continuation
  private let ended: EndedChoices

  /// The most choices of one answer that are with the engine at a time.
  static let window = 16
  /// How long to wait for room in a queue that others fill.
  private static let pause = Duration.milliseconds(20)

  /// Begins the work.
  ///
  /// - Throws: What the engine throws for the first choice; for later ones the sequence of events throws.
  init(_ requests: [ServingRequest], engine: any TokenEngine) throws {
    (events, continuation) = AsyncThrowingStream.makeStream(of: Event.self)
    ended = EndedChoices()
    let first = try requests.first.map(engine.generate)
    let task = Task { [continuation, ended] in
      do {
        try await withThrowingTaskGroup(of: Void.self) { group in
          var running = 0
          for choice in requests.indices {
            if running == Self.window {
              try await group.next()
              running -= 1
            }
            var stream = choice == 0 ? first : nil
            while stream == nil {
              do {
                stream = try engine.generate(requests[choice])
              } catch ServingError.queueFull {
                if running > 0 {
                  try await group.next()
                  running -= 1
                } else {
                  try await Task.sleep(for: Self.pause)
                }
              }
            }
            guard let stream else { return }
            running += 1
            group.addTask {
              for try await event in stream {
                guard !ended.contains(choice) else { return }
                continuation.yield(Event(choice: choice, event: event))
              }
              try Task.checkCancellation()
            }
          }
          try await group.waitForAll()
        }
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { _ in task.cancel() }
  }

  /// Ends one choice, of which nothing more is wanted.
  func end(_ choice: Int) {
    ended.insert(choice)
  }

  /// Ends the work; the sequence of events throws `error`.
  func end(throwing error: any Error) {
    continuation.finish(throwing: error)
  }
}

/// The choices of which nothing more is wanted.
private final class EndedChoices: Sendable {
  private let choices = Mutex<Set<Int>>([])

  func insert(_ choice: Int) { choices.withLock { _ = $0.insert(choice) } }

  func contains(_ choice: Int) -> Bool { choices.withLock { $0.contains(choice) } }
}
