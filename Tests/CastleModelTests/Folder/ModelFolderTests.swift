import CastleAttention
import CastleFormats
import CastleMeasurement
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
      let code = ["configuration_castle.py", "modeling_castle.py"]
      let expected = ["config.json", "generation_config.json", "model.safetensors"]
      #expect(files == (model.configuration.mechanism.hasLookahead ? expected + code : expected).sorted())
      #expect(try SafetensorsFile(path: path + "/model.safetensors").metadata["format"] == "pt")
    }
  }

  /// As published models come: half the bytes a number, in several files with an index.
  @Test(arguments: [SafetensorsType.bf16, .f16])
  func narrowWeightsInSeveralFilesAreRead(type: SafetensorsType) throws {
    let model = try makeModel(layers: 2)
    try withTemporaryFolder { folder in
      try AtomicFile.write(model.configuration.json, path: "\(folder)/config.json")
      /// Quarters from -4 to 4, which both types have exactly.
      func values(_ entry: ParameterLayout.Entry) -> [Float] {
        (0..<entry.shape.reduce(1, *)).map { Float(($0 + entry.offset) % 33 - 16) / 4 }
      }
      for part in 0..<3 {
        let entries = model.layout.entries.enumerated().filter { $0.offset % 3 == part }
        let writer = try SafetensorsWriter(
          path: "\(folder)/part-\(part).safetensors",
          tensors: entries.map { .init(name: $0.element.name, type: type, shape: $0.element.shape) })
        for (_, entry) in entries {
          let bits = values(entry).map {
            type == .bf16 ? UInt16($0.bitPattern >> 16) : halfBits($0)
          }
          try bits.withUnsafeBytes { try writer.write($0, type: type) }
        }
        try writer.finish()
      }
      let files = model.layout.entries.enumerated().map {
        "\"\($0.element.name)\": \"part-\($0.offset % 3).safetensors\""
      }
      let index = "{\"weight_map\": {\(files.joined(separator: ", "))}}"
      try AtomicFile.write(index.utf8, path: "\(folder)/model.safetensors.index.json")
      let read = try LanguageModel(folder: folder, backend: makeBackend())
      #expect(read.read(read.weights) == model.layout.entries.flatMap(values))
    }
  }

  /// The bits of a normal half-precision number or zero that equals `value`.
  private func halfBits(_ value: Float) -> UInt16 {
    guard value != 0 else { return 0 }
    let bits = value.bitPattern
    let exponent = Int(bits >> 23 & 0xFF) - 127 + 15
    return UInt16(bits >> 31) << 15 | UInt16(exponent) << 10 | UInt16(bits >> 13 & 0x3FF)
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

  @Test func theTokensOfStartAndEndAreNamedForPython() throws {
    var configuration = try makeModel().configuration
    configuration.beginOfTextID = 3
    configuration.endOfTextIDs = [5, 3]
    let model = try LanguageModel(configuration, backend: makeBackend(), seed: 1)
    try withTemporaryFolder { folder in
      let tokens = #"[{"id": 3, "content": "<start>"}, {"id": 5, "content": "<end>"}]"#
      let tokenizer = #"{"model": {"vocab": {"a": 0}}, "added_tokens": \#(tokens)}"#
      try AtomicFile.write(Array(tokenizer.utf8), path: "\(folder)/t.json")
      try model.save(to: "\(folder)/model", tokenizer: "\(folder)/t.json")
      let settings = try MappedFile(path: "\(folder)/model/tokenizer_config.json").withBytes {
        try JSONValue.object($0, source: "settings")
      }
      #expect(settings["bos_token"] == .string("<start>"))
      #expect(settings["eos_token"] == .string("<end>"))
      #expect(settings["pad_token"] == nil)
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
