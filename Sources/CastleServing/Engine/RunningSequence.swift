import CastleGeneration
import CastleModel

/// A request that runs: its sequence, and what has come of it.
final class RunningSequence {
  let id: UInt64
  let request: ServingRequest
  /// The memory that is set aside for it.
  let byteCount: Int
  /// At which lengths of the prompt its state is worth keeping.
  let boundaries: [Int]

  var state: SequenceState
  /// The tokens of the prompt that came from the store.
  var cachedTokens = 0
  /// The scores of the prompt's tokens so far.
  var scores: [TokenScore] = []
  /// The tokens that were generated.
  private(set) var generatedTokens = 0
  /// The generated token that is yet to be read.
  private(set) var nextToken: Int32?
  /// The last event, or why there is none: of a sequence that has come to its end.
  private var ending: Result<ServingEvent, any Error>?

  private let events: ServingInbox.Stream.Continuation
  private let maximumLength: Int
  private var sampler: Sampler

  init(_ arrival: ServingInbox.Arrival, _ state: SequenceState, boundaries: [Int]) {
    id = arrival.id
    request = arrival.request
    byteCount = arrival.byteCount
    events = arrival.events
    self.state = state
    self.boundaries = boundaries
    maximumLength = state.capacity
    sampler = Sampler(request.sampling)
    sampler.observe(request.prompt)
  }

  /// Whether the sequence has come to its end, told or not.
  var isFinished: Bool { ending != nil }

  /// Whether tokens of the prompt remain to be read.
  var isReadingPrompt: Bool { state.length < request.prompt.count }

  /// The tokens of the prompt that are read next.
  func nextChunk(_ chunkSize: Int) -> Range<Int> {
    let start = state.length
    return start..<min(start + chunkSize - start % chunkSize, request.prompt.count)
  }

  /// Takes in the logits after token `position` of the prompt.
  func read(_ logits: UnsafeBufferPointer<Float>, afterPrompt position: Int) {
    attempt {
      let next = position + 1
      if request.scoresPrompt, next < request.prompt.count {
        scores.append(
          try LogSoftmax(logits).score(request.prompt[next], alternatives: request.alternatives ?? 0))
      }
      guard next == request.prompt.count else { return }
      events.yield(.prompt(scores: scores, cachedTokens: cachedTokens))
      scores = []
      if request.maximumTokens == 0 { finish(.maximumTokens) } else { try choose(logits) }
    }
  }

  /// Takes in the logits after the last token.
  func read(_ logits: UnsafeBufferPointer<Float>) {
    attempt { try choose(logits) }
  }

  /// Chooses the next token and says whether there will be another.
  private func choose(_ logits: UnsafeBufferPointer<Float>) throws {
    let token = try sampler.next(logits)
    let score = try request.alternatives.map { try LogSoftmax(logits).score(token, alternatives: $0) }
    generatedTokens += 1
    nextToken = token
    events.yield(.token(id: token, score: score))
    if request.endTokens.contains(token) {
      finish(.endToken)
    } else if generatedTokens == request.maximumTokens {
      finish(.maximumTokens)
    } else if request.prompt.count + generatedTokens > maximumLength {
      finish(.contextFull)
    }
  }

  /// Ends a request that needs no model.
  func finishUnread() {
    events.yield(.prompt(scores: [], cachedTokens: 0))
    finish(.maximumTokens)
  }

  private func finish(_ reason: FinishReason) {
    let usage = ServingUsage(
      promptTokens: request.prompt.count, cachedTokens: cachedTokens, generatedTokens: generatedTokens)
    ending = .success(.finished(reason, usage))
  }

  /// Comes to an end with an error, unless there is an end already.
  func fail(_ error: any Error) {
    ending = ending ?? .failure(error)
  }

  /// Tells the client of the end.
  func tellEnd() {
    switch ending {
    case .success(let event)?:
      events.yield(event)
      events.finish()
    case .failure(let error)?: events.finish(throwing: error)
    case nil: preconditionFailure("a sequence without an end")
    }
  }

  private func attempt(_ body: () throws -> Void) {
    guard !isFinished else { return }
    do { try body() } catch { fail(error) }
  }
}
