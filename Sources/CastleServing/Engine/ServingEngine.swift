import CastleFormats
import CastleGeneration
public import CastleModel
import Foundation
import Synchronization

/// Generates for many requests at once: all running sequences advance together, and requests join and leave
/// between steps.
///
/// A step takes one token of every sequence that decodes and a few chunks of prompts. What a request gets
/// depends on nothing but itself, not even in the last bit: not on what runs beside it, nor on when it came,
/// nor on what the store of prefixes held.
///
/// ```swift
/// let engine = try ServingEngine(model, settings: ServingSettings())
/// for try await event in try engine.generate(ServingRequest(prompt: ids, maximumTokens: 100)) {
///   if case .token(let id, _) = event { use(id) }
/// }
/// ```
public final class ServingEngine: Sendable {
  private let configuration: ModelConfiguration
  private let plan: CachePlan
  private let inbox: ServingInbox

  /// Takes over `model`; from now on nothing else may use it or its backend.
  ///
  /// - Throws: `InputError` if a setting is out of its range, or if the planned memory does not hold one
  ///   sequence of one chunk.
  public init(_ model: sending LanguageModel, settings: ServingSettings) throws {
    try settings.check()
    let configuration = model.configuration
    let plan = try CachePlan(model, settings)
    var statistics = ServingStatistics()
    statistics.plannedBytes = plan.plannedBytes
    statistics.bytesPerSequence = plan.byteCount(configuration.maximumLength)
    statistics.plannedPrefixBytes = settings.prefixBytes
    let inbox = ServingInbox(queueLength: settings.queueLength, statistics: statistics)
    self.configuration = configuration
    self.plan = plan
    self.inbox = inbox
    let handover = Mutex<LanguageModel?>(model)
    let thread = Thread { Self.run(handover, settings, plannedBytes: plan.plannedBytes, inbox) }
    thread.name = "castle serving"
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit { inbox.abandon() }

  /// Queues a request. Its work begins when there is room, and ends at once when the stream is ended: when
  /// the task that iterates is cancelled or the stream is dropped.
  ///
  /// The stream throws an `InputError` if the model's logits are not numbers, and ``ServingError/shutDown``
  /// if the engine is dropped before the request is done.
  ///
  /// - Throws: `InputError` if the model cannot go on from the prompt or a number is out of its range;
  ///   ``ServingError`` if the request can never fit into the planned memory, too many wait, or the engine is
  ///   shutting down.
  public func generate(_ request: ServingRequest) throws -> AsyncThrowingStream<ServingEvent, any Error> {
    try GenerationRequest(
      prompt: request.prompt, sampling: request.sampling, maximumTokens: request.maximumTokens,
      endTokens: request.endTokens
    ).check(configuration)
    if let alternatives = request.alternatives {
      guard (0...ServingRequest.alternativeLimit).contains(alternatives) else {
        throw InputError(
          "\(alternatives) alternatives of each token are asked for, there can be 0 to"
            + " \(ServingRequest.alternativeLimit)")
      }
    }
    let room = configuration.maximumLength - request.prompt.count
    let length = request.prompt.count + min(room, max(request.maximumTokens - 1, 0))
    let byteCount = plan.byteCount(length)
    guard byteCount <= plan.plannedBytes else {
      throw ServingError.cannotFit(
        tokens: length, neededBytes: byteCount, plannedBytes: plan.plannedBytes)
    }
    return try inbox.submit(request, byteCount: byteCount)
  }

  /// Calls `body` with the model on the engine's thread, between two steps. What runs waits meanwhile.
  ///
  /// - Throws: What `body` throws; ``ServingError/shutDown`` if the engine ends before.
  public func withModel<Result: Sendable>(
    _ body: @escaping @Sendable (LanguageModel) throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      inbox.visit { model in
        guard let model else { return continuation.resume(throwing: ServingError.shutDown) }
        continuation.resume(with: Swift.Result { try body(model) })
      }
    }
  }

  /// What the engine does now and has done so far.
  public var statistics: ServingStatistics { inbox.statistics }

  /// Refuses new requests and returns when those that wait and run are done.
  public func shutDown() async {
    inbox.close()
    await inbox.waitForEnd()
  }

  /// The engine's thread.
  private static func run(
    _ handover: borrowing Mutex<LanguageModel?>, _ settings: ServingSettings, plannedBytes: Int,
    _ inbox: ServingInbox
  ) {
    let model = handover.withLock { model in
      let taken = model
      model = nil
      return taken
    }
    guard let model else { return }
    ServingLoop(model, settings, plannedBytes: plannedBytes, inbox: inbox).run()
  }
}
