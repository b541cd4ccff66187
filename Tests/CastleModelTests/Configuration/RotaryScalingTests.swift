import CastleFormats
import CastleModel
import Testing

/// Scaled rotary positions as `config.json` spells them. What they do to logits, the golden models say.
@Suite struct RotaryScalingTests {
  private func read(_ keys: String) throws -> ModelConfiguration {
    let text = """
      {"vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
      "intermediate_size": 8, "max_position_embeddings": 64, \(keys)}
      """
    return try ModelConfiguration(json: Array(text.utf8))
  }

  static let llama3 = RotaryScaling.llama3(
    .init(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalLength: 16))
  static let llama3Members =
    #""factor": 8, "low_freq_factor": 1, "high_freq_factor": 4.0, "original_max_position_embeddings": 16"#
  static var yarn: RotaryScaling {
    var numbers = RotaryScaling.Yarn(factor: 4, originalLength: 16)
    numbers.fastTurns = 20
    numbers.meanScale = 0.7
    numbers.roundsBounds = false
    return .yarn(numbers)
  }

  static let readable: [(String, RotaryScaling)] = [
    (#""rope_scaling": null"#, .none),
    (#""rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}"#, .none),
    (#""rope_scaling": {"type": "linear", "factor": 2}"#, .linear(factor: 2)),
    (#""rope_scaling": {"type": "linear", "rope_type": "linear", "factor": 2.0}"#, .linear(factor: 2)),
    (#""rope_parameters": {"rope_type": "dynamic", "factor": 3.5}"#, .dynamic(factor: 3.5)),
    (#""rope_scaling": {"rope_type": "llama3", \#(llama3Members)}"#, llama3),
    (#""rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4, \#(llama3Members)}"#, llama3),
    (
      #"""
      "rope_scaling": {"type": "yarn", "factor": 4, "beta_fast": 20, "mscale": 0.7, "truncate": false,
      "original_max_position_embeddings": 16}
      """#, yarn
    ),
    (
      #""rope_scaling": {"rope_type": "yarn", "factor": null, "original_max_position_embeddings": 32}"#,
      .yarn(.init(factor: 2, originalLength: 32))
    ),
    (
      #""original_max_position_embeddings": 32, "rope_scaling": {"rope_type": "yarn", "factor": 2}"#,
      .yarn(.init(factor: 2, originalLength: 32))
    ),
  ]

  @Test(arguments: readable)
  func bothSpellingsAreReadAndComeBack(keys: String, scaling: RotaryScaling) throws {
    let configuration = try read(keys)
    #expect(configuration.rotaryScaling == scaling)
    #expect(configuration.rotaryTheta == 10_000)
    #expect(try ModelConfiguration(json: configuration.json) == configuration)
  }

  static let refused: [(String, [String])] = [
    (#""rope_scaling": {"rope_type": "llama3", "factor": 8}"#, ["rope_scaling", "low_freq_factor"]),
    (#""rope_scaling": {"rope_type": "longrope", "factor": 8}"#, ["rope_scaling", "longrope", "yarn"]),
    (#""rope_scaling": {"type": "linear"}"#, ["rope_scaling", "factor"]),
    (#""rope_scaling": {"type": "linear", "factor": 0.5}"#, ["factor 0.5"]),
    (#""rope_scaling": {"type": "linear", "factor": Infinity}"#, ["factor inf"]),
    (#""rope_scaling": {"type": "linear", "factor": "2"}"#, ["factor is \"2\""]),
    (#""rope_scaling": {"type": "linear", "rope_type": "yarn", "factor": 2}"#, ["\"linear\"", "\"yarn\""]),
    (#""rope_scaling": "linear""#, ["rope_scaling"]),
    (
      #""rope_scaling": {"type": "linear", "factor": 2, "partial_rotary_factor": 0.5}"#,
      ["partial_rotary_factor"]
    ),
    (#""rope_parameters": {"rope_type": "yarn"}"#, ["rope_parameters", "factor"]),
    (
      #""rope_parameters": {"rope_type": "yarn", "factor": 2, "beta_fast": 1, "beta_slow": 2}"#, ["beta_slow"]
    ),
    (#""rope_theta": 500, "rope_parameters": {"rope_theta": 10000}"#, ["rope_theta is 500", "10000"]),
    (
      #""rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_type": "linear", "#
        + #""factor": 4}"#,
      ["rope_scaling", "rope_parameters", "contradict"]
    ),
    (
      #"""
      "original_max_position_embeddings": 16, "rope_scaling": {"rope_type": "yarn", "factor": 2,
      "original_max_position_embeddings": 32}
      """#, ["original_max_position_embeddings 32", "16"]
    ),
  ]

  @Test(arguments: refused)
  func contradictionsAndUnknownKindsAreRefused(keys: String, words: [String]) throws {
    let error = #expect(throws: InputError.self) { try read(keys) }
    for word in words { #expect(error?.description.contains(word) == true, "\(error?.description ?? "")") }
  }
}
