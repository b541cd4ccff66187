import CastleFormats
import CastleGeneration
import CastleServing

/// Generates the answer to one request, whole or piece by piece.
struct AnswerGenerator: Sendable {
  /// One choice that is to be generated.
  struct Choice: Sendable {
    var request: ServingRequest
    var echo: ChoiceText.Echo?
  }

  var choices: [Choice]
  /// The tokens of all prompts, each counted once.
  var promptTokens: Int
  var text: ChoiceText.Form
  var form: AnswerForm
  var metrics: ServerMetrics
  var record: RequestRecord

  /// The whole answer.
  func whole(_ lease: RunLease) async throws -> Answer {
    var counting = Counting(self)
    var collected = choices.map { AnswerForm.Choice(prompt: $0.request.prompt) }
    try await forEachPiece(lease, &counting) { index, piece, isPrompt in
      collected[index].text += piece.text
      collected[index].tokens += piece.tokens
      if isPrompt { collected[index].echoedTokens = piece.tokens.count }
      if let reason = piece.finishReason { collected[index].finishReason = reason }
    }
    return .json(form.whole(collected, usage: counting.usage))
  }

  /// The answer piece by piece.
  func pieces(_ lease: RunLease) -> Answer {
    .events { sink in
      func send(_ object: JSONValue.Members) async throws {
        try await sink(Array("data: \(object.text)\n\n".utf8))
      }
      do {
        var counting = Counting(self)
        var isFirst = Array(repeating: true, count: choices.count)
        try await forEachPiece(lease, &counting) { index, piece, isPrompt in
          let begins = isFirst[index]
          let shows = form.wantsScores || form.givesTokenIDs
          let isNews =
            !piece.text.isEmpty || piece.finishReason != nil || (shows && !piece.tokens.isEmpty)
            || (begins && (form.kind == .chat || form.givesTokenIDs))
          guard isNews else { return }
          isFirst[index] = false
          try await send(
            form.piece(
              index, piece, echoedTokens: isPrompt ? piece.tokens.count : 0,
              prompt: begins ? choices[index].request.prompt : nil))
        }
        if form.streamsUsage { try await send(form.usagePiece(counting.usage)) }
      } catch is ClientGone {
        throw ClientGone()
      } catch {
        let error = APIError(error)
        record.note { $0.problem = error.message }
        try await send(error.json)
        return
      }
      try await sink(Array("data: [DONE]\n\n".utf8))
    }
  }

  /// Makes text of what the engine gives.
  private func forEachPiece(
    _ lease: RunLease, _ counting: inout Counting,
    _ body: (_ index: Int, _ piece: ChoiceText.Piece, _ isPrompt: Bool) async throws -> Void
  ) async throws {
    do {
      var texts = choices.map { ChoiceText(text, echo: $0.echo) }
      for try await event in lease.run.events {
        let index = event.choice
        guard !texts[index].isFinished else { continue }
        let piece = try texts[index].append(event.event)
        if texts[index].isFinished { lease.run.end(index) }
        var isPrompt = false
        switch event.event {
        case .prompt(_, let cached):
          isPrompt = true
          counting.cached += cached
        case .token: counting.count(index)
        case .finished: break
        }
        try await body(index, piece, isPrompt)
      }
      guard texts.allSatisfy(\.isFinished) else { throw CancellationError() }
      metrics.didFinish(after: record.seconds)
    } catch {
      if error is ClientGone { metrics.didCancel() }
      throw error
    }
  }

  /// Counts tokens as they come.
  private struct Counting {
    var cached = 0

    private let generator: AnswerGenerator
    private var generated = 0
    private var lastTimes: [ContinuousClock.Instant?]

    init(_ generator: AnswerGenerator) {
      self.generator = generator
      lastTimes = Array(repeating: nil, count: generator.choices.count)
      let prompt = generator.promptTokens
      generator.record.note { $0.promptTokens = prompt }
    }

    mutating func count(_ choice: Int) {
      if generated == 0 { generator.metrics.didBegin(after: generator.record.seconds) }
      generated += 1
      let now = ContinuousClock.now
      generator.metrics.didGenerate(after: lastTimes[choice].map { (now - $0) / .seconds(1) })
      lastTimes[choice] = now
      let generated = generated
      generator.record.note { $0.generatedTokens = generated }
    }

    var usage: JSONValue.Members {
      AnswerForm.usage(prompt: generator.promptTokens, generated: generated, cached: cached)
    }
  }
}
