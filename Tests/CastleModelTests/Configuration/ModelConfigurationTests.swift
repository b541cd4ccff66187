import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import Foundation
import Testing

@Suite struct ModelConfigurationTests {
  /// A LLaMA configuration as transformers writes it, with `changes`, JSON values by key.
  private static func llama(_ changes: [String: String] = [:]) -> [UInt8] {
    var members = [
      "model_type": "\"llama\"", "vocab_size": "100", "hidden_size": "64", "num_hidden_layers": "2",
      "num_attention_heads": "4", "intermediate_size": "128", "hidden_act": "\"silu\"",
    ]
    members.merge(changes) { $1 }
    return Array("{\(members.map { "\"\($0)\": \($1)" }.joined(separator: ", "))}".utf8)
  }

  @Test func absentKeysHaveTheValuesOfLlamaConfig() throws {
    let configuration = try ModelConfiguration(json: Self.llama())
    #expect(configuration.heads == HeadLayout(queryHeads: 4, kvHeads: 4, headSize: 16))
    #expect(configuration.mechanism == .causal)
    #expect(configuration.normEpsilon == 1e-6)
    #expect(configuration.rotaryTheta == 10_000)
    #expect(configuration.maximumLength == 2048)
    #expect(!configuration.tiesEmbeddings)
  }

  @Test func bothPlacesOfRotaryThetaAreRead() throws {
    let old = try ModelConfiguration(json: Self.llama(["rope_theta": "5e5", "rope_scaling": "null"]))
    let new = try ModelConfiguration(
      json: Self.llama(["rope_parameters": #"{"rope_type": "default", "rope_theta": 500000}"#]))
    #expect(old.rotaryTheta == 500_000)
    #expect(new.rotaryTheta == 500_000)
  }

  static let refused: [([String: String], [String])] = [
    (["hidden_size": "0"], ["hidden_size is 0"]),
    (["hidden_size": "null"], ["hidden_size is missing"]),
    (["hidden_size": "\"64\""], ["hidden_size is \"64\"", "whole number"]),
    (["hidden_size": "64.5"], ["hidden_size is 64.5"]),
    (["hidden_size": "1e300"], ["hidden_size is 1e+300"]),
    (["hidden_size": "4611686018427387904"], ["hidden_size is 4611686018427387904", "between"]),
    (["vocab_size": "-1"], ["vocab_size is -1"]),
    (["num_hidden_layers": "0"], ["num_hidden_layers is 0"]),
    (["intermediate_size": "true"], ["intermediate_size is true"]),
    (["num_attention_heads": "0"], ["num_attention_heads is 0"]),
    (["num_attention_heads": "3"], ["num_attention_heads is 3", "head_dim"]),
    (["num_key_value_heads": "3"], ["num_key_value_heads is 3", "divide"]),
    (["num_key_value_heads": "8"], ["num_key_value_heads is 8"]),
    (["head_dim": "0"], ["head_dim is 0"]),
    (["head_dim": "7"], ["head_dim is 7", "even"]),
    (["max_position_embeddings": "0"], ["max_position_embeddings is 0"]),
    (["rope_theta": "0"], ["rope_theta is 0"]),
    (["rope_theta": "-5"], ["rope_theta is -5"]),
    (["rms_norm_eps": "0"], ["rms_norm_eps is 0"]),
    (["rms_norm_eps": "\"small\""], ["rms_norm_eps is \"small\""]),
    (["key_value_shift": "1"], ["key_value_shift is 1", "true or false"]),
    (
      ["key_value_shift": "true", "attention_type": "\"castle\""],
      ["key_value_shift is true with lookahead keys", "causal"]
    ),
    (["hidden_act": "\"gelu\""], ["hidden_act is \"gelu\"", "silu"]),
    (["attention_bias": "1"], ["attention_bias is 1", "true or false"]),
    (["mlp_bias": "true", "model_type": "\"qwen3\""], ["mlp_bias is true"]),
    (
      ["attention_bias": "true", "model_type": "\"mistral\"", "num_key_value_heads": "4"],
      ["attention_bias is true"]
    ),
    (["attention_bias": "true", "attention_type": "\"castle\""], ["attention_bias", "lookahead"]),
    (["tie_word_embeddings": "1"], ["tie_word_embeddings is 1", "true or false"]),
    (["model_type": "\"gpt2\""], ["model_type is \"gpt2\"", "llama"]),
    (["sliding_window": "7"], ["sliding_window is 7"]),
    (["quantization_config": "{}"], ["quantization_config"]),
    (["attention_type": "\"other\""], ["attention_type is \"other\"", "castle-swl"]),
    (["attention_type": "\"castle-swl\""], ["lookahead_window is missing"]),
    (["attention_type": "\"castle-swl\"", "lookahead_window": "-1"], ["lookahead_window is -1"]),
    (["causal_keys": "false"], ["causal_keys is false"]),
    (["eos_token_id": "-2"], ["eos_token_id is -2"]),
    (["eos_token_id": "[1, \"x\"]"], ["eos_token_id holds \"x\""]),
    (["vocab_size": "16777216", "hidden_size": "1048576", "head_dim": "64"], ["parameters"]),
  ]

  @Test(arguments: refused)
  func badValuesAreNamed(changes: [String: String], words: [String]) {
    let error = #expect(throws: InputError.self) {
      try ModelConfiguration(json: Self.llama(changes), source: "folder/config.json")
    }
    let text = error?.description ?? ""
    for word in words + ["folder/config.json"] { #expect(text.contains(word), "\(text)") }
  }

  /// Published files have such ids; they matter only where a text uses one.
  @Test func idsBeyondTheVocabularyAreKept() throws {
    let configuration = try ModelConfiguration(
      json: Self.llama(["eos_token_id": "[1, 100]", "pad_token_id": "4096", "bos_token_id": "100"]))
    #expect(configuration.endOfTextIDs == [1, 100])
    #expect(configuration.paddingID == 4096 && configuration.beginOfTextID == 100)
    #expect(try ModelConfiguration(json: configuration.json) == configuration)
  }

  @Test func numbersThatOnlyPythonWritesAreRead() throws {
    let json = Self.llama(["router_limit": "Infinity", "low": "[-Infinity, NaN]"])
    #expect(try ModelConfiguration(json: json).vocabularySize == 100)
    let error = #expect(throws: InputError.self) {
      try ModelConfiguration(json: Self.llama(["rope_theta": "NaN"]))
    }
    #expect(error?.description.contains("rope_theta") == true)
  }

  @Test(arguments: ["", "[1]", "{", "{\"vocab_size\": }", String(repeating: "[", count: 50_000)])
  func whatIsNoJSONObjectIsRefused(text: String) {
    #expect(throws: InputError.self) { try ModelConfiguration(json: Array(text.utf8)) }
  }

  @Test(arguments: ModelPreset.all)
  func presetsComeBackFromTheirJSON(preset: ModelPreset) throws {
    var configuration = preset.configuration
    configuration.endOfTextIDs = [0]
    configuration.paddingID = 7
    configuration.rotaryTheta = 12_345.5
    #expect(try ModelConfiguration(json: configuration.json) == configuration)
  }

  @Test func ablationsComeBackFromTheirJSON() throws {
    var configuration = try ModelPreset("1m-castle-swl").configuration
    configuration.mechanism.appliesSiLU = false
    configuration.mechanism.usesCausalKeys = false
    configuration.rotatesLookaheadValues = false
    configuration.endOfTextIDs = [1, 2]
    #expect(try ModelConfiguration(json: configuration.json) == configuration)
  }

  @Test func aWindowOfNothingIsCausalAttention() throws {
    let configuration = try ModelConfiguration(
      json: Self.llama(["attention_type": "\"castle-swl\"", "lookahead_window": "0"]))
    #expect(configuration.mechanism == .causal)
    let text = String(decoding: configuration.json, as: UTF8.self)
    #expect(text.contains("\"attention_type\": \"causal\""))
    #expect(text.contains("LlamaForCausalLM"))
  }
}
