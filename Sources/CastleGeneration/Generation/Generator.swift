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

  private let engine: InferenceEngine
  private let sequence: SequenceState
  private let isCancelled: () -> Bool
  private var sampler: Sampler
  private var lastToken: Int32?

  /// Prepares a sequence of its own engine. The other parameters and errors are those of
  /// ``init(_:engine:isCancelled:)``.
  public convenience init(
    _ request: GenerationRequest, model: LanguageModel, isCancelled: @escaping () -> Bool = { false }
  ) throws {
    try self.init(request, engine: InferenceEngine(model), isCancelled: isCancelled)
  }

  /// Prepares a sequence of `engine`; the model reads the prompt at the first ``next()``.
  ///
  /// - Parameter isCancelled: Asked between tokens and between pieces of the prompt; true ends generation.
  /// - Throws: `InputError` if the model cannot go on from the prompt; see ``GenerationRequest/check(_:)``.
  public init(
    _ request: GenerationRequest, engine: InferenceEngine, isCancelled: @escaping () -> Bool = { false }
  ) throws {
    let configuration = engine.model.configuration
    try request.check(configuration)
    self.request = request
    self.isCancelled = isCancelled
    self.engine = engine
    let room = configuration.maximumLength - request.prompt.count
    sequence = try engine.makeSequence(
      capacity: request.prompt.count + min(room, max(request.maximumTokens - 1, 0)))
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
    defer {
      statistics.promptTokens = sequence.length
      statistics.promptSeconds = Self.seconds(since: start)
    }
    do {
      let logits = try engine.advance(sequence, by: request.prompt, isCancelled: isCancelled)
      sampler.observe(request.prompt)
      return try sampler.next(logits)
    } catch is CancellationError {
      return end(.cancelled)
    }
  }

  private func chooseToken(after token: Int32) throws -> Int32? {
    guard !isCancelled() else { return end(.cancelled) }
    guard sequence.length < sequence.capacity else { return end(.contextFull) }
    let start = ContinuousClock.now
    let next = try sampler.next(engine.advance(sequence, by: [token]))
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
