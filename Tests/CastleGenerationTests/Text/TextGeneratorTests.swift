import CastleAttention
import CastleFormats
import CastleGeneration
import CastleModel
import CastleOperations
import CastleTokenizer
import Testing

struct TextGeneratorTests {
  private static let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456".utf8)
  private static let end = Int32(letters.count)

  /// Letters, an end-of-text token, and as many more special tokens as are asked for.
  private func tokenizer(template: TextTemplate = TextTemplate(before: [end]), more: Int32 = 0) throws
    -> Tokenizer
  {
    let added =
      [AddedToken(id: Self.end, content: "<|endoftext|>")]
      + (0..<more).map { AddedToken(id: Self.end + 1 + $0, content: "<|\($0)|>") }
    return try Tokenizer(
      vocabulary: Self.letters.map { [$0] }, merges: [], addedTokens: added, template: template)
  }

  private var configuration: ModelConfiguration {
    var configuration = ModelConfiguration(
      vocabularySize: Int(Self.end) + 1, layerCount: 1, hiddenSize: 32, intermediateSize: 48,
      heads: HeadLayout(queryHeads: 2, kvHeads: 2, headSize: 16), mechanism: .castle)
    configuration.maximumLength = 64
    return configuration
  }

  private func generator(
    _ request: TextRequest, tokenizer: Tokenizer? = nil, isCancelled: @escaping () -> Bool = { false }
  ) throws -> TextGenerator {
    let model = try LanguageModel(configuration, backend: CPUBackend(threads: 1), seed: 5)
    return try TextGenerator(
      request, model: model, tokenizer: tokenizer ?? self.tokenizer(), isCancelled: isCancelled)
  }

  private func request(stops: [String] = [], maximumTokens: Int = 20) throws -> TextRequest {
    TextRequest("ab", sampling: try SamplingOptions(seed: 3), maximumTokens: maximumTokens, stops: stops)
  }

  @Test func theTextIsThatOfTheTokens() throws {
    let generator = try generator(request())
    var (text, tokens) = ("", [Int32]())
    while let piece = try generator.next() {
      text += piece.text
      tokens += piece.tokens
    }
    #expect(try text.utf8.elementsEqual(tokenizer().decode(tokens)))
    #expect(tokens.count == 20 && generator.statistics.generatedTokens == 20)
    #expect(generator.finishReason == .maximumTokens)
    #expect(try self.generator(request()).remainingText() == text)
  }

  @Test func aPromptGetsTheSpecialTokensOfItsTokenizer() throws {
    var request = try request()
    let model = configuration
    #expect(try request.encoded(for: model, tokenizer()).prompt == [Self.end, 0, 1])
    let template = TextTemplate(before: [2, 3], after: [4])
    #expect(try request.encoded(for: model, tokenizer(template: template)).prompt == [2, 3, 0, 1, 4])
    #expect(try request.encoded(for: model, tokenizer(template: TextTemplate())).prompt == [0, 1])
    request.addsSpecialTokens = false
    #expect(try request.encoded(for: model, tokenizer()).prompt == [0, 1])
    request.prompt = .tokens([7])
    request.addsSpecialTokens = true
    #expect(try request.encoded(for: model, tokenizer()).prompt == [7])
  }

  @Test func namesOfSpecialTokensMayBeText() throws {
    var request = TextRequest("a<|endoftext|>b", maximumTokens: 1)
    #expect(try request.encoded(for: configuration, tokenizer()).prompt == [Self.end, 0, Self.end, 1])
    request.specialTokens = .ordinary
    #expect(
      try request.encoded(for: configuration, tokenizer()).prompt.dropFirst().contains(Self.end) == false)
  }

  @Test func anEmptyPromptBeginsADocument() throws {
    var request = TextRequest("", maximumTokens: 1)
    let bare = try tokenizer(template: TextTemplate())
    #expect(try request.encoded(for: configuration, tokenizer()).prompt == [Self.end])
    #expect(try request.encoded(for: configuration, bare).prompt == [Self.end])
    var model = configuration
    model.beginOfTextID = 9
    #expect(try request.encoded(for: model, bare).prompt == [9])
    request.addsSpecialTokens = false
    let (bareRequest, bareModel) = (request, model)
    let error = #expect(throws: InputError.self) { try bareRequest.encoded(for: bareModel, bare) }
    #expect(error?.description.contains("the prompt is empty") == true)
  }

  @Test func theModelsFilesSayWhatEndsAText() throws {
    var model = configuration
    #expect(try model.endTokens(tokenizer()) == [Self.end])
    model.endOfTextIDs = [3, 5]
    #expect(try model.endTokens(tokenizer()) == [3, 5])
  }

  @Test func itEndsBeforeAStopString() throws {
    let all = try generator(request()).remainingText()
    let stop = String(all.dropFirst(5).prefix(3))
    let generator = try generator(request(stops: ["????", stop]))
    let end = try #require(all.firstRange(of: stop)).lowerBound
    #expect(try generator.remainingText() == String(all[..<end]))
    #expect(generator.finishReason == .stopSequence)
    #expect(try generator.next() == nil)
  }

  @Test func whatOnlyStartsAStopStringComesOut() throws {
    let all = try generator(request()).remainingText()
    let generator = try generator(request(stops: [String(all.suffix(3)) + "?"]))
    #expect(try generator.remainingText() == all)
    #expect(generator.finishReason == .maximumTokens)
  }

  @Test func itEndsWhenAsked() throws {
    var asked = 0
    let generator = try generator(request()) {
      asked += 1
      return asked > 5
    }
    #expect(try generator.remainingText().count == 5)
    #expect(generator.finishReason == .cancelled)
  }

  @Test func aTokenWithoutARowIsAnErrorOnlyWhenUsed() throws {
    let larger = try tokenizer(more: 1)
    #expect(
      try generator(request(), tokenizer: larger).remainingText() == generator(request()).remainingText())
    let error = #expect(throws: InputError.self) {
      try generator(TextRequest("a<|0|>", maximumTokens: 1), tokenizer: larger)
    }
    #expect(error?.description.contains("token id \(Self.end + 1)") == true)
  }
}
