import CastleFormats
import CastleMeasurement
import CastleModel
import Foundation
import Testing

/// `generation_config.json` beside a `config.json` that names 0 as the end of a text.
@Suite struct GenerationFileTests {
  private func configuration(_ generation: String?) throws -> ModelConfiguration {
    try withTemporaryFolder { folder in
      let model = try makeModel(layers: 1) {
        $0.endOfTextIDs = [0]
        $0.beginOfTextID = 1
      }
      try model.save(to: "\(folder)/model")
      let path = "\(folder)/model/generation_config.json"
      try FileManager.default.removeItem(atPath: path)
      if let generation { try AtomicFile.write(generation.utf8, path: path) }
      let read = try ModelConfiguration(folder: "\(folder)/model")
      #expect(try LanguageModel(folder: "\(folder)/model", backend: makeBackend()).configuration == read)
      return read
    }
  }

  @Test(
    arguments: [
      (nil, [0]), ("{}", [0]), (#"{"eos_token_id": null}"#, [0]), (#"{"eos_token_id": 7}"#, [7]),
      (#"{"eos_token_id": [0, 19]}"#, [0, 19]), (#"{"eos_token_id": [50, 3, -1]}"#, [3]),
    ] as [(String?, [Int])])
  func itsEndTokensCount(generation: String?, ends: [Int]) throws {
    let configuration = try configuration(generation)
    #expect(configuration.endOfTextIDs == ends)
    #expect(configuration.beginOfTextID == 1)
  }

  @Test func itsOtherTokensCountToo() throws {
    let configuration = try configuration(#"{"bos_token_id": 4, "pad_token_id": 6, "temperature": 0.7}"#)
    #expect(configuration.beginOfTextID == 4 && configuration.paddingID == 6)
  }

  @Test(arguments: [(#"{"eos_token_id": "x"}"#, "eos_token_id"), ("<html>", "JSON"), ("{", "generation")])
  func whatCannotBeReadIsNamed(generation: String, word: String) {
    let error = #expect(throws: InputError.self) { try configuration(generation) }
    let text = error?.description ?? ""
    #expect(text.contains("generation_config.json") && text.contains(word), "\(text)")
  }
}
