import CastleEvaluation
import CastleFormats
import Foundation
import Testing

@Suite struct RepeatedTextProbeTests {
  /// A random model finds everything about equally probable, and gains nothing from repetition.
  @Test func aRandomModelCopiesNothing() throws {
    let language = try TinyLanguage()
    let probe = try RepeatedTextProbe(language.model, tokenizer: language.tokenizer)
    let result = try #require(try probe.evaluate(length: 33, sequences: 300, seed: 1))
    #expect(result.sequences == 300 && result.length == 32)
    #expect(abs(result.firstHalf.value - log(257)) < 0.2)
    #expect(abs(result.inductionScore.value) < 0.1)
    let difference = result.firstHalf.value - result.secondHalf.value
    #expect(abs(result.inductionScore.value - difference) < 1e-9)
  }

  @Test func theSeedChoosesTheText() throws {
    let language = try TinyLanguage()
    let probe = try RepeatedTextProbe(language.model, tokenizer: language.tokenizer)
    let results = try [1, 1, 2].map { try probe.evaluate(length: 16, sequences: 3, seed: $0) }
    #expect(results[0] == results[1] && results[0] != results[2])
  }

  @Test func badSizesAreNamed() throws {
    let language = try TinyLanguage()
    let probe = try RepeatedTextProbe(language.model, tokenizer: nil)
    #expect(throws: InputError.self) { try probe.evaluate(length: 3, sequences: 1, seed: 1) }
    #expect(throws: InputError.self) { try probe.evaluate(length: 66, sequences: 1, seed: 1) }
    #expect(try probe.evaluate(length: 64, sequences: 1, seed: 1)?.firstHalf.standardError == nil)
  }
}
