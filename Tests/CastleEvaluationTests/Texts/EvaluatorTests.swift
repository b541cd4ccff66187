import CastleCorpus
import CastleEvaluation
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTokenizer
import CastleTraining
import Foundation
import Testing

struct EvaluatorTests {
  private func evaluate(_ text: EvaluationText, batch: Int, length: Int, separator: Int32? = nil) throws
    -> EvaluationResult?
  {
    var configuration = try ModelPreset("1m-castle").configuration
    configuration.vocabularySize = 50
    let model = try LanguageModel(configuration, backend: CPUBackend(threads: 1), seed: 1)
    let pass = try TrainingPass(model, batch: batch, length: length)
    return try Evaluator(pass, batch: batch, length: length, separator: separator).evaluate(text)
  }

  private func evaluate(_ tokens: [Int32], batch: Int, length: Int) throws -> EvaluationResult? {
    try evaluate(
      EvaluationText(name: "text", tokens: tokens, tokenizer: nil), batch: batch, length: length)
  }

  private let tokens: [Int32] = (0..<100).map { ($0 * 7) % 50 }

  /// Token i stands for i % 4 + 1 bytes; 48 is a mark and 49 the end of a document.
  private func tokenizer() throws -> Tokenizer {
    try Tokenizer(
      vocabulary: (0..<48).map { [UInt8](repeating: UInt8($0), count: $0 % 4 + 1) } + [nil, nil], merges: [],
      addedTokens: [AddedToken(id: 48, content: "<mark>"), AddedToken(id: 49, content: "<|endoftext|>")])
  }

  /// The bytes of all but the first of `tokens`.
  private func bytes(_ tokens: some Sequence<Int32>) -> Int {
    tokens.dropFirst().reduce(0) { $1 >= 48 ? $0 : $0 + Int($1) % 4 + 1 }
  }

  @Test func everyTokenButTheFirstIsPredictedOnce() throws {
    let result = try #require(try evaluate(tokens, batch: 3, length: 8))
    #expect(result.tokens == 99)
    #expect(abs(result.loss - log(50)) < 0.3)
    #expect(result.bitsPerByte == nil)
    #expect(result.perplexity == exp(result.loss))
  }

  @Test func bitsAreForTheBytesOfThePredictedTokens() throws {
    let text = EvaluationText(name: "text", tokens: tokens, tokenizer: try tokenizer())
    let result = try #require(try evaluate(text, batch: 3, length: 8))
    #expect(tokens.contains(48) && tokens.contains(49))
    let bits = result.loss * 99 / log(2) / Double(bytes(tokens))
    #expect(abs(try #require(result.bitsPerByte) - bits) < 1e-12 * bits)
  }

  /// Two shards, so that pieces of the text lie across their border, and only a part of the tokens.
  @Test func shardsUpToALimitAreThoseTokens() throws {
    let folder = try TemporaryFolder()
    for (name, part) in [("a", tokens[..<37]), ("b", tokens[37...])] {
      let writer = try TokenShardWriter(path: folder.path + "/" + name, width: .uint16)
      try writer.append(Array(part))
      _ = try writer.finish()
    }
    let shards = try ["a", "b"].map { try TokenShard(path: folder.path + "/" + $0) }
    for limit in [0, 30, 38, 71, 1000] {
      let cut = limit == 0 ? tokens : Array(tokens.prefix(limit))
      let inMemory = EvaluationText(name: "text", tokens: cut, tokenizer: try tokenizer())
      let inShards = EvaluationText(name: "text", shards: shards, tokenizer: try tokenizer(), limit: limit)
      #expect(inShards.tokenCount == cut.count)
      let result = try #require(try evaluate(inShards, batch: 3, length: 8))
      #expect(try result == evaluate(inMemory, batch: 3, length: 8))
      let bits = result.loss * Double(cut.count - 1) / log(2) / Double(bytes(cut))
      #expect(abs(try #require(result.bitsPerByte) - bits) < 1e-12 * bits)
    }
  }

  @Test func theBatchDoesNotMatter() throws {
    let one = try #require(try evaluate(tokens, batch: 1, length: 8)).loss
    let five = try #require(try evaluate(tokens, batch: 5, length: 8)).loss
    #expect(abs(one - five) < 1e-5)
  }

  @Test func tokensOutsideTheVocabularyAreNamed() throws {
    #expect(throws: InputError.self) { try evaluate([1, 2, 50], batch: 1, length: 8) }
  }

  @Test func aTextOfOneTokenIsRefused() throws {
    #expect(throws: InputError("text has 1 tokens; evaluation needs at least 2")) {
      try evaluate([1], batch: 1, length: 8)
    }
  }
}
