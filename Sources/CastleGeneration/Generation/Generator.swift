public import CastleModel

/// Generates one sequence, token by token.
///
/// ```swift
/// let generator = try Generator(GenerationRequest(prompt: ids, maximumTokens: 100), model: model)
/// while let token = try generator.next() { use(token) }
/// ```
///
/// It works on token ids alone; ``TextGenerator`` makes text of them. The same request and model give the
/// same tokens.
public final class Generator {
  /// What is generated.
  public let request: GenerationRequest
  /// Why generation ended; nil while it goes on.
  public private(set) var finishReason: FinishReason?
  /// Counts and times so far.
  public private(set) var statistics = GenerationStatistics()
  /// The token that ended generation, if one did.
  public private(set) var endToken: Int32?

  private let session: DecodingSession
  private let isCancelled: () -> Bool
  private var sampler: Sampler
  private var lastToken: Int32?

  /// The prompt is read in pieces of this many tokens, between which it can be cancelled.
  private static let promptChunk = 256

  /// Prepares a sequence; the model reads the prompt at the first ``next()``.
  ///
  /// - Parameter isCancelled: Asked between tokens and between pieces of the prompt; true ends generation.
  /// - Throws: `InputError` if the model cannot go on from the prompt; see ``GenerationRequest/check(_:)``.
  public init(
    _ request: GenerationRequest, model: LanguageModel, isCancelled: @escaping () -> Bool = { false }
  ) throws {
    try request.check(model.configuration)
    self.request = request
    self.isCancelled = isCancelled
    let room = model.configuration.maximumLength - request.prompt.count
    session = try DecodingSession(
      model, capacity: request.prompt.count + min(room, max(request.maximumTokens - 1, 0)))
    sampler = Sampler(request.sampling)
  }

  /// The next token, or nil when generation has ended.
  ///
  /// - Throws: `InputError` if the model's logits are not numbers.
  public func next() throws -> Int32? {
    guard finishReason == nil else { return nil }
    guard statistics.generatedTokens < request.maximumTokens else { return end(.maximumTokens) }
    guard let token = try lastToken.map(chooseToken(after:)) ?? chooseFirstToken() else { return nil }
    statistics.generatedTokens += 1
    lastToken = token
    guard !request.endTokens.contains(token) else {
      endToken = token
      return end(.endToken)
    }
    return token
  }

  private func chooseFirstToken() throws -> Int32? {
    let start = ContinuousClock.now
    var logits: [Float] = []
    for first in stride(from: 0, to: request.prompt.count, by: Self.promptChunk) {
      guard !isCancelled() else { return end(.cancelled) }
      let chunk = request.prompt[first..<min(first + Self.promptChunk, request.prompt.count)]
      logits = try session.append(Array(chunk))
      statistics.promptTokens += chunk.count
      statistics.promptSeconds = Self.seconds(since: start)
    }
    sampler.observe(request.prompt)
    return try sampler.next(logits)
  }

  private func chooseToken(after token: Int32) throws -> Int32? {
    guard !isCancelled() else { return end(.cancelled) }
    guard session.length < session.capacity else { return end(.contextFull) }
    let start = ContinuousClock.now
    let next = try sampler.next(session.append([token]))
    statistics.decodedTokens += 1
    statistics.decodeSeconds += Self.seconds(since: start)
    return next
  }

  private func end(_ reason: FinishReason) -> Int32? {
    finishReason = reason
    return nil
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    (ContinuousClock.now - start) / .seconds(1)
  }
}
