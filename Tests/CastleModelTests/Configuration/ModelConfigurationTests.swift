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
    (["attention_bias": "true"], ["attention_bias is true", "false"]),
    (["mlp_bias": "true"], ["mlp_bias is true"]),
    (["tie_word_embeddings": "1"], ["tie_word_embeddings is 1", "true or false"]),
    (["model_type": "\"gpt2\""], ["model_type is \"gpt2\"", "llama"]),
    (["rope_scaling": #"{"rope_type": "llama3", "factor": 8}"#], ["rope_scaling", "llama3"]),
    (["rope_scaling": #"{"type": "linear", "factor": 2}"#], ["rope_scaling", "linear"]),
    (["rope_parameters": #"{"rope_type": "yarn"}"#], ["rope_parameters", "yarn"]),
    (["quantization_config": "{}"], ["quantization_config"]),
    (["attention_type": "\"other\""], ["attention_type is \"other\"", "castle-swl"]),
    (["attention_type": "\"castle-swl\""], ["lookahead_window is missing"]),
    (["attention_type": "\"castle-swl\"", "lookahead_window": "-1"], ["lookahead_window is -1"]),
    (["causal_keys": "false"], ["causal_keys is false"]),
    (["eos_token_id": "100"], ["eos_token_id is 100", "99"]),
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
