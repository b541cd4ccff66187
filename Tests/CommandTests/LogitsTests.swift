import CastleFormats
import CastleMeasurement
import Foundation
import Testing

struct LogitsTests {
  private static let config = """
    {"model_type": "llama", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1,
     "num_attention_heads": 2, "intermediate_size": 6, "tie_word_embeddings": true,
     "max_position_embeddings": 16}
    """

  private static let shapes: [(String, [Int])] = [
    ("model.embed_tokens.weight", [11, 8]),
    ("model.layers.0.self_attn.q_proj.weight", [8, 8]), ("model.layers.0.self_attn.k_proj.weight", [8, 8]),
    ("model.layers.0.self_attn.v_proj.weight", [8, 8]), ("model.layers.0.self_attn.o_proj.weight", [8, 8]),
    ("model.layers.0.mlp.gate_proj.weight", [6, 8]), ("model.layers.0.mlp.up_proj.weight", [6, 8]),
    ("model.layers.0.mlp.down_proj.weight", [8, 6]), ("model.layers.0.input_layernorm.weight", [8]),
    ("model.layers.0.post_attention_layernorm.weight", [8]), ("model.norm.weight", [8]),
  ]

  /// A folder with a small model whose weights are some waves.
  private static func modelFolder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write(config, to: "config.json")
    let writer = try SafetensorsWriter(
      path: folder.path("model.safetensors"),
      tensors: shapes.map { .init(name: $0.0, type: .f32, shape: $0.1) })
    for (index, shape) in shapes.enumerated() {
      try writer.write((0..<shape.1.reduce(1, *)).map { sin(Float($0 * (index + 3))) })
    }
    try writer.finish()
    return folder
  }

  private static func arguments(_ folder: TemporaryFolder, _ tokens: String) -> [String] {
    ["logits", "--model", folder.path, "--tokens", tokens, "--output", folder.path("out.safetensors")]
  }

  @Test func cachedAndWholeAgree() throws {
    let folder = try Self.modelFolder()
    var outputs: [[Float]] = []
    for extra in [[], ["--cached"], ["--cached", "--chunk", "2"], ["--threads", "1"]] {
      _ = try CastleProcess.output(Self.arguments(folder, "1,5,10,0,7") + extra)
      let tensor = try SafetensorsFile(path: folder.path("out.safetensors")).tensor("logits")
      #expect(tensor.shape == [5, 11])
      outputs.append(try tensor.floats())
    }
    for output in outputs {
      let differences = zip(output, outputs[0]).map { abs($0 - $1) }
      #expect(differences.max() ?? .infinity < 1e-4)
    }
  }

  @Test(arguments: [
    ("1,11", "11"), ("1,-1", "-1"), ("1,x", "\"x\""), ("1,,2", "\"\""), ("99999999999", "99999999999"),
    ("0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6", "17 tokens"),
  ])
  func badTokensAreNamed(tokens: String, word: String) throws {
    let folder = try Self.modelFolder()
    try CastleProcess.expectRefusal(Self.arguments(folder, tokens), naming: word)
    #expect(!FileManager.default.fileExists(atPath: folder.path("out.safetensors")))
  }

  @Test func badModelsAreNamed() throws {
    let folder = try Self.modelFolder()
    try folder.write(
      Self.config.replacingOccurrences(of: "\"hidden_size\": 8", with: "\"hidden_size\": 0"),
      to: "config.json")
    try CastleProcess.expectRefusal(Self.arguments(folder, "1"), naming: "hidden_size is 0", "config.json")
    try folder.write(Self.config, to: "config.json")
    let weights = try Data(contentsOf: URL(fileURLWithPath: folder.path("model.safetensors")))
    try folder.write(Array(weights.dropLast(9)), to: "model.safetensors")
    try CastleProcess.expectRefusal(Self.arguments(folder, "1"), naming: "model.safetensors")
    try FileManager.default.removeItem(atPath: folder.path("model.safetensors"))
    try CastleProcess.expectRefusal(Self.arguments(folder, "1"), naming: "model.safetensors")
  }

  @Test func devicesAreNotReplaced() throws {
    let folder = try Self.modelFolder()
    let arguments = ["logits", "--model", folder.path, "--tokens", "1", "--output", "/dev/null"]
    try CastleProcess.expectRefusal(arguments, naming: "/dev/null", "regular file")
  }
}
