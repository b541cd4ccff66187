import CastleFormats
import CastleModel
import CastleOperations
import CastleTraining
import Foundation
import Testing

struct EvaluatorTests {
  private func evaluate(
    _ tokens: [Int32], batch: Int, length: Int, separator: Int32? = nil
  ) throws -> EvaluationResult? {
    var configuration = try ModelPreset("1m-castle").configuration
    configuration.vocabularySize = 50
    let model = try LanguageModel(configuration, backend: CPUBackend(threads: 1), seed: 1)
    let pass = try TrainingPass(model, batch: batch, length: length)
    return try Evaluator(pass, batch: batch, length: length, separator: separator)
      .evaluate(EvaluationText(name: "text", tokens: tokens, bytesPerToken: 4, separator: separator))
  }

  private let tokens: [Int32] = (0..<100).map { ($0 * 7) % 50 }

  @Test func everyTokenButTheFirstIsPredictedOnce() throws {
    let result = try #require(try evaluate(tokens, batch: 3, length: 8))
    #expect(result.tokens == 99)
    #expect(abs(result.loss - log(50)) < 0.3)
    #expect(abs(try #require(result.bitsPerByte) - result.loss / log(2) / 4) < 1e-12)
    #expect(result.perplexity == exp(result.loss))
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
