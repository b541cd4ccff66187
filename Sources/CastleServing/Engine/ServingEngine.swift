public import CastleModel

/// Generates for many requests at once: all running sequences advance together, and requests join and leave between steps.
///
/// A step takes one token of every sequence that decodes and a few chunks of prompts. What a request gets depends on nothing but
/// itself, not even in the last bit: not on what runs beside it, nor on when it came, nor on what the store of prefixes held.
///
/// ```swift
/// let engine = try ServingEngine(model, settings: ServingSettings())
/// for try await event in try engine.generate(ServingRequest(prompt: ids, maximumTokens: 100)) {
///   if case .token(let id, _) = event { use(id) }
/// }
/// ```
public final class ServingEngine: Sendable {
  /// Takes over `model`; from now on nothing else may use it or its backend.
  ///
  /// - Throws: `InputError` if a setting is out of its range, or if the planned memory does not hold one sequence of one chunk.
  public init(_ model: sending LanguageModel, settings: ServingSettings) throws {
    fatalError("not there yet")
  }

  /// Queues a request. Its work begins when there is room, and ends at once when the stream is ended: when the task that
  /// iterates is cancelled or the stream is dropped.
  ///
  /// The stream throws an `InputError` if the model's logits are not numbers, and ``ServingError/shutDown`` if the engine is
  /// dropped before the request is done.
  ///
  /// - Throws: `InputError` if the model cannot go on from the prompt or a number is out of its range; ``ServingError`` if the
  ///   request can never fit into the planned memory, too many wait, or the engine is shutting down.
  public func generate(_ request: ServingRequest) throws -> AsyncThrowingStream<ServingEvent, any Error> {
    fatalError("not there yet")
  }

  /// What the engine does now and has done so far.
  public var statistics: ServingStatistics { fatalError("not there yet") }

  /// Refuses new requests and returns when those that wait and run are done.
  public func shutDown() async { fatalError("not there yet") }
}
