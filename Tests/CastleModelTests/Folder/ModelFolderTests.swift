import CastleFormats
import CastleModel
import CastleTensors
import Foundation
import Testing

@Suite struct ModelFolderTests {
  @Test(arguments: ["1m-causal", "1m-castle", "1m-castle-swl"], [true, false])
  func everythingComesBackBitForBit(preset: String, tied: Bool) throws {
    let model = try makeModel(preset) {
      $0.tiesEmbeddings = tied
      $0.endOfTextIDs = [3]
    }
    try withTemporaryFolder { folder in
      let path = "\(folder)/model"
      try model.save(to: path)
      let copy = try LanguageModel(folder: path, backend: makeBackend())
      #expect(copy.configuration == model.configuration)
      #expect(copy.read(copy.weights) == model.read(model.weights))
      let files = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
      #expect(files == ["config.json", "generation_config.json", "model.safetensors"])
      #expect(try SafetensorsFile(path: path + "/model.safetensors").metadata["format"] == "pt")
    }
  }

  @Test func theTokenizerIsCopiedAndKept() throws {
    let model = try makeModel()
    try withTemporaryFolder { folder in
      let path = "\(folder)/model"
      try AtomicFile.write(Array("{}".utf8), path: "\(folder)/t.json")
      try model.save(to: path, tokenizer: "\(folder)/t.json")
      try model.save(to: path)
      #expect(try MappedFile(path: "\(path)/tokenizer.json").withBytes(Array.init) == Array("{}".utf8))
    }
  }

  @Test func foreignFilesAreNeverReplaced() throws {
    let model = try makeModel()
    try withTemporaryFolder { folder in
      try AtomicFile.write([1], path: "\(folder)/thesis.tex")
      let error = #expect(throws: InputError.self) { try model.save(to: folder) }
      #expect(error?.description.contains("thesis.tex") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["thesis.tex"])
    }
  }

  @Test func seedsDetermineTheWeights() throws {
    let first = try makeModel(seed: 5)
    let second = try makeModel(seed: 5)
    let third = try makeModel(seed: 6)
    #expect(first.read(first.weights) == second.read(second.weights))
    #expect(first.read(first.weights) != third.read(third.weights))
  }

  @Test func initialWeightsHaveTheirDeviations() throws {
    let model = try makeModel(layers: 8, vocabulary: 1000)
    func deviation(_ name: String) throws -> Double {
      let values = model.read(try #require(model.view(named: name))).map(Double.init)
      return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }
    #expect(try abs(deviation("model.embed_tokens.weight") - 0.02) < 0.0005)
    #expect(try abs(deviation("model.layers.3.self_attn.qu_proj.weight") - 0.02) < 0.001)
    #expect(try abs(deviation("model.layers.3.self_attn.o_proj.weight") - 0.005) < 0.0003)
    #expect(try abs(deviation("model.layers.3.mlp.down_proj.weight") - 0.005) < 0.0003)
    #expect(try deviation("model.norm.weight") == 1)
  }
}
