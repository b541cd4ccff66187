import CastleFormats
public import CastleModel

/// Generates one sequence, token by token.
///
/// ```swift
/// let generator = try Generator(GenerationRequest(prompt: ids, maximumTokens: 100), model: model)
/// while let token = try generator.next() { use(token) }
/// ```
///
/// It works on token ids alone; text is the caller's. The same request and model give the same tokens.
public final class Generator {
  /// What is generated.
  public let request: GenerationRequest
  /// Why generation ended; nil while it goes on.
  public private(set) var finishReason: FinishReason?
  /// Counts and times so far.
  public private(set) var statistics = GenerationStatistics()

  private let engine: InferenceEngine
  private let sequence: SequenceState
  private let isCancelled: () -> Bool
  private var sampler: Sampler
  private var filter: StopSequenceFilter<Int32>
  private var ready: [Int32] = []
  private var readyIndex = 0
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
  /// - Throws: `InputError` if the prompt is empty, longer than the model can read or has an id outside the
  ///   vocabulary, or if `maximumTokens` is negative.
  public init(
    _ request: GenerationRequest, engine: InferenceEngine, isCancelled: @escaping () -> Bool = { false }
  ) throws {
    let longest = engine.model.configuration.maximumLength
    let vocabularySize = engine.model.configuration.vocabularySize
    guard !request.prompt.isEmpty else { throw InputError("the prompt has no tokens; give at least one") }
    guard request.prompt.count <= longest else {
      throw InputError(
        "the prompt has \(request.prompt.count) tokens, but the model reads at most \(longest)")
    }
    guard request.maximumTokens >= 0 else {
      throw InputError("max-tokens is \(request.maximumTokens), but must not be negative")
    }
    if let stranger = request.prompt.first(where: { $0 < 0 || $0 >= vocabularySize }) {
      throw InputError(
        "the prompt's token id \(stranger) is outside the model's vocabulary, 0..<\(vocabularySize)")
    }
    self.request = request
    self.isCancelled = isCancelled
    let room = longest - request.prompt.count
    self.engine = engine
    sequence = try engine.makeSequence(
      capacity: request.prompt.count + min(room, max(request.maximumTokens - 1, 0)))
    sampler = Sampler(request.sampling)
    filter = StopSequenceFilter(request.stopSequences)
  }

  /// The next token, or nil when generation has ended.
  ///
  /// A token that may be the start of a stop sequence comes when it is known not to be.
  ///
  /// - Throws: `InputError` if the model's scores are not numbers.
  public func next() throws -> Int32? {
    while readyIndex == ready.count {
      guard finishReason == nil else { return nil }
      ready = try chooseToken().map { filter.append(CollectionOfOne($0)) } ?? []
      readyIndex = 0
      if filter.isStopped { finishReason = .stopSequence }
      if finishReason != nil { ready += filter.finish() }
    }
    defer { readyIndex += 1 }
    return ready[readyIndex]
  }

  /// Runs the model over what it has not read yet and chooses a token; nil when generation ends without one.
  private func chooseToken() throws -> Int32? {
    guard statistics.generatedTokens < request.maximumTokens else { return end(.maximumTokens) }
    guard let token = try lastToken.map(chooseToken(after:)) ?? chooseFirstToken() else { return nil }
    statistics.generatedTokens += 1
    lastToken = token
    return request.endTokens.contains(token) ? end(.endToken) : token
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
