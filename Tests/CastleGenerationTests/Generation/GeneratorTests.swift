import CastleAttention
import CastleFormats
import CastleGeneration
import CastleModel
import CastleOperations
import CastleTensors
import Testing

struct GeneratorTests {
  static let mechanisms: [Mechanism] = [.causal, .castle, .slidingWindow(3)]

  static let longest = 300

  /// A model of 61 tokens with random weights.
  private func model(_ mechanism: Mechanism = .castle) throws -> LanguageModel {
    var configuration = ModelConfiguration(
      vocabularySize: 61, layerCount: 2, hiddenSize: 32, intermediateSize: 48,
      heads: HeadLayout(queryHeads: 2, kvHeads: 2, headSize: 16), mechanism: mechanism)
    configuration.maximumLength = Self.longest
    return try LanguageModel(configuration, backend: CPUBackend(threads: 1), seed: 5)
  }

  private func prompt(_ count: Int) -> [Int32] {
    var random = RandomSource(seed: 11)
    return (0..<count).map { _ in Int32(random.next() % 61) }
  }

  private func run(_ generator: Generator) throws -> [Int32] {
    var tokens: [Int32] = []
    while let token = try generator.next() { tokens.append(token) }
    return tokens
  }

  @Test(arguments: mechanisms, [1, 7, 257, 280])
  func greedyTokensAreTheBestOnesOfTheWholeSequence(mechanism: Mechanism, length: Int) throws {
    let model = try model(mechanism)
    var sequence = prompt(length)
    let request = GenerationRequest(prompt: sequence, maximumTokens: 12)
    let tokens = try run(Generator(request, model: model))
    #expect(tokens.count == 12)
    for token in tokens {
      let logits = try model.logits(sequence).suffix(61)
      #expect(logits.max() == logits[logits.startIndex + Int(token)])
      sequence.append(token)
    }
  }

  @Test func theSameSeedGivesTheSameTokens() throws {
    let model = try model()
    func tokens(seed: UInt64) throws -> [Int32] {
      let sampling = try SamplingOptions(topK: 20, topP: 0.9, repetitionPenalty: 1.1, seed: seed)
      return try run(
        Generator(
          GenerationRequest(prompt: prompt(5), sampling: sampling, maximumTokens: 30), model: model))
    }
    #expect(try tokens(seed: 1) == tokens(seed: 1))
    #expect(try tokens(seed: 1) != tokens(seed: 2))
  }

  /// Fifteen random tokens and the same request with another end.
  private func sampled(
    endTokens: Set<Int32> = [], maximumTokens: Int = 15
  ) throws -> (tokens: [Int32], generator: Generator) {
    let request = GenerationRequest(
      prompt: prompt(4), sampling: try SamplingOptions(seed: 3), maximumTokens: maximumTokens,
      endTokens: endTokens)
    let generator = try Generator(request, model: model())
    return (try run(generator), generator)
  }

  @Test func itEndsAtTheMaximum() throws {
    let (tokens, generator) = try sampled()
    #expect(tokens.count == 15)
    #expect(generator.finishReason == .maximumTokens)
    #expect(try sampled(maximumTokens: 0).tokens.isEmpty)
    #expect(try generator.next() == nil)
  }

  @Test func itEndsBeforeAnEndToken() throws {
    let all = try sampled().tokens
    let (tokens, generator) = try sampled(endTokens: [all[6]])
    #expect(tokens == Array(all.prefix { $0 != all[6] }))
    #expect(generator.finishReason == .endToken)
    #expect(generator.endToken == all[6])
  }

  @Test(arguments: [longest, longest - 2])
  func itEndsWhenTheModelCanReadNoMore(length: Int) throws {
    let request = GenerationRequest(prompt: prompt(length), maximumTokens: 50)
    let generator = try Generator(request, model: model())
    #expect(try run(generator).count == Self.longest - length + 1)
    #expect(generator.finishReason == .contextFull)
  }

  @Test func itEndsWhenAsked() throws {
    var asked = 0
    let request = GenerationRequest(prompt: prompt(4), maximumTokens: 50)
    let generator = try Generator(request, model: model()) {
      asked += 1
      return asked > 5
    }
    #expect(try run(generator).count == 5)
    #expect(generator.finishReason == .cancelled)
    let never = try Generator(request, model: model()) { true }
    #expect(try run(never).isEmpty)
  }

  @Test func statisticsCountTokens() throws {
    let statistics = try sampled().generator.statistics
    #expect(statistics.promptTokens == 4)
    #expect(statistics.generatedTokens == 15)
    #expect(statistics.decodedTokens == 14)
    #expect(statistics.promptTokensPerSecond > 0 && statistics.decodeTokensPerSecond > 0)
  }

  @Test func unusableRequestsAreRefused() throws {
    let model = try model()
    for request in [
      GenerationRequest(prompt: [], maximumTokens: 1),
      GenerationRequest(prompt: [61], maximumTokens: 1),
      GenerationRequest(prompt: [-1], maximumTokens: 1),
      GenerationRequest(prompt: [1], maximumTokens: -1),
      GenerationRequest(prompt: prompt(Self.longest + 1), maximumTokens: 1),
    ] {
      #expect(throws: InputError.self) { try Generator(request, model: model) }
    }
  }
}
