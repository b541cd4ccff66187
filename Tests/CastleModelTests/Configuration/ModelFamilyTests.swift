import CastleFormats
import CastleModel
import CastleOperations
import Testing

/// The configurations of Mistral and Qwen.
@Suite struct ModelFamilyTests {
  private func read(_ family: String, _ keys: String = "") throws -> ModelConfiguration {
    let text = """
      {"model_type": "\(family)", "vocab_size": 10, "hidden_size": 64, "num_hidden_layers": 4,
      "num_attention_heads": 32, "intermediate_size": 8\(keys.isEmpty ? "" : ", " + keys)}
      """
    return try ModelConfiguration(json: Array(text.utf8))
  }

  @Test func absentKeysHaveTheValuesOfTheFamily() throws {
    let mistral = try read("mistral")
    #expect(mistral.heads == HeadLayout(queryHeads: 32, kvHeads: 8, headSize: 2))
    #expect(mistral.maximumLength == 131_072)
    #expect(mistral.slidingWindow == SlidingWindow(length: 4096, layers: [0, 1, 2, 3]))
    let qwen2 = try read("qwen2")
    #expect(qwen2.heads == HeadLayout(queryHeads: 32, kvHeads: 32, headSize: 2))
    #expect(qwen2.maximumLength == 32_768 && qwen2.slidingWindow == nil)
    #expect(try read("qwen3").heads.headSize == 128)
    #expect(try read("qwen3", #""head_dim": null"#).heads.headSize == 2)
  }

  static let windows: [(String, String, SlidingWindow?)] = [
    ("mistral", #""sliding_window": null"#, nil),
    ("mistral", #""sliding_window": 7"#, SlidingWindow(length: 7, layers: [0, 1, 2, 3])),
    ("qwen2", #""sliding_window": 7, "max_window_layers": 1"#, nil),
    ("qwen2", #""use_sliding_window": false, "sliding_window": 7"#, nil),
    ("qwen2", #""use_sliding_window": true, "sliding_window": 7"#, nil),
    (
      "qwen2", #""use_sliding_window": true, "sliding_window": 7, "max_window_layers": 1"#,
      SlidingWindow(length: 7, layers: [1, 2, 3])
    ),
    (
      "qwen3",
      #"""
      "use_sliding_window": true, "sliding_window": 7, "max_window_layers": 4,
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]
      """#, SlidingWindow(length: 7, layers: [0, 2])
    ),
  ]

  @Test(arguments: windows)
  func windowsAreReadAndComeBack(family: String, keys: String, window: SlidingWindow?) throws {
    let configuration = try read(family, keys)
    #expect(configuration.slidingWindow == window)
    #expect(try ModelConfiguration(json: configuration.json) == configuration)
  }

  static let refused: [(String, String, String)] = [
    ("mistral", #""sliding_window": 0"#, "sliding_window is 0"),
    ("qwen2", #""use_sliding_window": true, "sliding_window": "7""#, "sliding_window is \"7\""),
    ("qwen2", #""layer_types": ["full_attention"]"#, "layer_types has 1"),
    ("llama", #""layer_types": ["a", "a", "a", "a"]"#, "\"a\""),
    (
      "qwen2",
      #""layer_types": ["full_attention", "full_attention", "full_attention", "sliding_attention"]"#,
      "layer_types"
    ),
    ("gemma", "", "gemma"),
  ]

  @Test(arguments: refused)
  func contradictionsAreRefused(family: String, keys: String, word: String) throws {
    let error = #expect(throws: InputError.self) { try read(family, keys) }
    #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
  }

  @Test func biasesOfAFamilyComeBack() throws {
    for (family, keys) in [
      ("llama", #""attention_bias": true, "mlp_bias": true"#), ("qwen3", #""attention_bias": true"#),
      ("qwen2", #""attention_bias": true"#),
    ] {
      let configuration = try read(family, keys)
      #expect(try ModelConfiguration(json: configuration.json) == configuration)
      #expect(configuration.family.rawValue == family)
    }
  }
}
