import CastleMeasurement
import Foundation
import Testing

/// Every command that reads a model refuses a damaged one, and says what is wrong with it.
struct BadModelTests {
  static let commands = ["generate", "evaluate", "logits", "tokenize"]

  let tiny: TinyModel
  let folder: TemporaryFolder

  init() throws {
    tiny = try TinyModel.shared.get()
    folder = try TemporaryFolder()
  }

  private func arguments(_ command: String, model: String) -> [String] {
    let rest =
      switch command {
      case "generate": ["--prompt", "Line"]
      case "evaluate": ["--data", tiny.textFile]
      case "logits": ["--tokens", "1,2", "--output", folder.path("logits.safetensors")]
      default: ["text"]
      }
    return [command, "--model", model] + rest
  }

  @Test(arguments: commands)
  func aMissingFolder(command: String) throws {
    try CastleProcess.expectRefusal(
      arguments(command, model: folder.path("nothing")), naming: folder.path("nothing"))
  }

  @Test(arguments: ["generate", "evaluate", "logits"])
  func truncatedWeights(command: String) throws {
    let model = try tiny.copy(in: folder, changing: "model.safetensors") { $0.removeLast(1_000) }
    try CastleProcess.expectRefusal(arguments(command, model: model), naming: "model.safetensors")
  }

  @Test(arguments: ["generate", "evaluate", "logits"])
  func aHeaderOfAnAbsurdSize(command: String) throws {
    let model = try tiny.copy(in: folder, changing: "model.safetensors") {
      $0.replaceSubrange(0..<8, with: [0, 0, 0, 0, 0, 0, 0, 0x10])
    }
    try CastleProcess.expectRefusal(
      arguments(command, model: model), naming: "model.safetensors", String(1 << 60))
  }

  @Test(arguments: ["generate", "evaluate", "logits"])
  func missingWeights(command: String) throws {
    let model = try tiny.copy(in: folder, changing: "config.json") { _ in }
    try FileManager.default.removeItem(atPath: model + "/model.safetensors")
    try CastleProcess.expectRefusal(arguments(command, model: model), naming: "model.safetensors")
  }

  /// A model whose `config.json` says `value` under `key`.
  private func model(setting key: String, to value: Any) throws -> String {
    try tiny.copy(in: folder, changing: "config.json") { bytes in
      var object = try #require(
        try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
      object[key] = value
      if key == "lookahead_window" { object["attention_type"] = "castle-swl" }
      bytes = [UInt8](try JSONSerialization.data(withJSONObject: object))
    }
  }

  @Test(arguments: [
    ("head_dim", 0), ("hidden_size", 0), ("num_hidden_layers", -1), ("num_attention_heads", 0),
    ("lookahead_window", -1), ("intermediate_size", 1 << 60), ("vocab_size", 0),
    ("max_position_embeddings", 0),
  ])
  func aConfigurationWithAnImpossibleValue(key: String, value: Int) throws {
    let model = try model(setting: key, to: value)
    for command in ["generate", "evaluate", "logits"] {
      try CastleProcess.expectRefusal(arguments(command, model: model), naming: key)
    }
  }

  @Test func aConfigurationThatIsNotJSON() throws {
    let model = try tiny.copy(in: folder, changing: "config.json") { $0 = Array("{\"head_dim\": ".utf8) }
    try CastleProcess.expectRefusal(arguments("generate", model: model), naming: "config.json")
  }

  @Test func anotherVocabularyThanTheTokenizers() throws {
    let model = try model(setting: "vocab_size", to: 280)
    try CastleProcess.expectRefusal(arguments("generate", model: model), naming: "280")
  }

  @Test(arguments: commands.filter { $0 != "logits" })
  func aTokenizerThatIsNotJSON(command: String) throws {
    let model = try tiny.copy(in: folder, changing: "tokenizer.json") { $0 = Array($0.prefix(100)) }
    try CastleProcess.expectRefusal(arguments(command, model: model), naming: "tokenizer.json")
  }

  @Test func cheapChecksComeBeforeTheWeights() throws {
    let model = try tiny.copy(in: folder, changing: "model.safetensors") { $0.removeLast(1_000) }
    let long = String(repeating: "qzx ", count: 2_000)
    try CastleProcess.expectRefusal(
      ["generate", "--model", model, "--prompt-file", "-"], naming: "prompt has", input: long)
    try CastleProcess.expectRefusal(
      ["logits", "--model", model, "--tokens", "999", "--output", folder.path("y")], naming: "999")
    try folder.write("{", to: "model/tokenizer.json")
    for command in ["generate", "evaluate"] {
      try CastleProcess.expectRefusal(arguments(command, model: model), naming: "tokenizer.json")
    }
  }

  /// The tokenizers of some published models have a token that the model has no row for.
  @Test func aTokenWithoutARowIsAnErrorOnlyWhenUsed() throws {
    let model = try tiny.copy(in: folder, changing: "tokenizer.json") { bytes in
      var object = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
      var added = try #require(object["added_tokens"] as? [[String: Any]])
      added.append(["id": 300, "content": "<|pad|>", "special": true])
      object["added_tokens"] = added
      bytes = [UInt8](try JSONSerialization.data(withJSONObject: object))
    }
    for command in ["generate", "evaluate"] {
      let expected = try CastleProcess.output(arguments(command, model: tiny.model))
      #expect(try CastleProcess.output(arguments(command, model: model)) == expected)
    }
    try CastleProcess.expectRefusal(
      ["generate", "--model", model, "--prompt", "Line<|pad|>"], naming: "token id 300")
  }

  @Test func aDamagedTokenizerIsNotTakenForNone() throws {
    let model = try tiny.copy(in: folder, changing: "tokenizer.json") { $0 = Array($0.prefix(100)) }
    try CastleProcess.expectRefusal(
      ["evaluate", "--model", model, "--data", tiny.shards], naming: "tokenizer.json")
  }

  @Test(arguments: ["--batch-size", "--length"])
  func evaluationOfAnImpossibleSize(option: String) throws {
    let arguments = ["evaluate", "--model", tiny.model, "--data", tiny.textFile, option]
    for value in ["0", "9223372036854775807"] {
      try CastleProcess.expectRefusal(arguments + [value], naming: option, value)
    }
  }

  @Test(arguments: ["300", "-1", "x", "1,,2", "4000000000"])
  func tokensThatAreNoIDs(tokens: String) throws {
    try CastleProcess.expectRefusal(
      ["logits", "--model", tiny.model, "--tokens", tokens, "--output", folder.path("y")],
      naming: tokens == "1,,2" ? "tokens" : tokens)
  }
}
