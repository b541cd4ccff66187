import CastleFormats
import CastleGeneration
import CastleInspection
import CastleModel
import CastleServer
import CastleServing
import CastleTokenizer
import Synchronization

/// An engine that says what a test wants, for every edge of the answers' form.
///
/// Unless told otherwise it counts: after "abc" comes "defg".
final class ScriptedEngine: TokenEngine {
  struct Script: Sendable {
    /// The token at a place of what is generated.
    var token: @Sendable (_ request: ServingRequest, _ place: Int) -> Int32 = { request, place in
      (request.prompt.last! + 1 + Int32(place)) % 256
    }
    /// The log-probability of a token.
    var logProbability: @Sendable (_ token: Int32) -> Float = { -Float($0 + 1) / 16 }
    /// What is most probable in every place, the best first.
    var alternatives: [TokenScore.Alternative] = (0..<20).map {
      TokenScore.Alternative(token: $0 + 65, logProbability: -Float($0 + 1) / 4)
    }
    /// The time between tokens.
    var pause: Duration = .zero
    /// What is thrown instead of an answer.
    var refusal: ServingError?
    /// What is thrown after so many tokens.
    var failure: (after: Int, error: ServingError)?
  }

  private let script: Script
  private let traces = Mutex((waiting: 0, isReleased: false))
  private let state = Mutex((running: 0, most: 0, cancelled: 0, tokens: 0, requests: [ServingRequest]()))

  init(_ script: Script = Script()) {
    self.script = script
  }

  /// The sequences that are being generated.
  var running: Int { state.withLock { $0.running } }
  /// The most sequences that were being generated at once.
  var mostRunning: Int { state.withLock { $0.most } }
  /// The sequences that nobody waited for.
  var cancelled: Int { state.withLock { $0.cancelled } }
  /// The tokens of all sequences.
  var tokens: Int { state.withLock { $0.tokens } }
  /// All requests so far.
  var requests: [ServingRequest] { state.withLock { $0.requests } }

  func report() -> ServingStatistics? { nil }

  func trace(
    _ request: AttentionTraceRequest, tokenizer: Tokenizer, name: String
  ) async throws -> String {
    traces.withLock { $0.waiting += 1 }
    while !traces.withLock({ $0.isReleased }) { try await Task.sleep(for: .milliseconds(1)) }
    throw InputError("there is no model to look into")
  }

  /// The traces that were asked for; they wait until they are released.
  var tracing: Int { traces.withLock { $0.waiting } }
  func releaseTraces() { traces.withLock { $0.isReleased = true } }

  func shutDown() async {}

  func generate(_ request: ServingRequest) throws -> AsyncThrowingStream<ServingEvent, any Error> {
    if let refusal = script.refusal { throw refusal }
    state.withLock {
      $0.requests.append(request)
      $0.running += 1
      $0.most = max($0.most, $0.running)
    }
    let (stream, continuation) = AsyncThrowingStream.makeStream(of: ServingEvent.self)
    let task = Task { [self] in
      defer { state.withLock { $0.running -= 1 } }
      do {
        try await generate(request, into: continuation)
      } catch is CancellationError {
        state.withLock { $0.cancelled += 1 }
      } catch {
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { _ in task.cancel() }
    return stream
  }

  private func generate(
    _ request: ServingRequest, into continuation: AsyncThrowingStream<ServingEvent, any Error>.Continuation
  ) async throws {
    let scored = request.scoresPrompt ? request.prompt.dropFirst().map { score($0, request) } : []
    continuation.yield(.prompt(scores: scored, cachedTokens: 0))
    var count = 0
    var reason = FinishReason.maximumTokens
    while count < request.maximumTokens {
      if script.pause > .zero { try await Task.sleep(for: script.pause) }
      try Task.checkCancellation()
      if let failure = script.failure, failure.after == count { throw failure.error }
      let token = script.token(request, count)
      count += 1
      state.withLock { $0.tokens += 1 }
      continuation.yield(.token(id: token, score: request.alternatives.map { _ in score(token, request) }))
      if request.endTokens.contains(token) {
        reason = .endToken
        break
      }
    }
    continuation.yield(
      .finished(
        reason, ServingUsage(promptTokens: request.prompt.count, cachedTokens: 0, generatedTokens: count)))
    continuation.finish()
  }

  private func score(_ token: Int32, _ request: ServingRequest) -> TokenScore {
    TokenScore(
      token: token, logProbability: script.logProbability(token),
      alternatives: Array(script.alternatives.prefix(request.alternatives ?? 0)))
  }
}
