import CastleMeasurement
import CastleAttention
import CastleFormats
import CastleModel
import Foundation
import Testing

/// Model folders with something wrong in them.
@Suite struct DamagedFolderTests {
  private typealias Tensor = (name: String, shape: [Int])

  /// The message about a folder with the tensors of a small model, changed by `change`.
  private func refusal(
    config: (inout ModelConfiguration) -> Void = { _ in }, _ change: (inout [Tensor]) -> Void
  ) throws -> String? {
    let model = try makeModel(layers: 1)
    return try withTemporaryFolder { folder in
      var configuration = model.configuration
      config(&configuration)
      try AtomicFile.write(configuration.json, path: "\(folder)/config.json")
      var tensors = model.layout.entries.map { (name: $0.name, shape: $0.shape) }
      change(&tensors)
      let writer = try SafetensorsWriter(
        path: "\(folder)/model.safetensors",
        tensors: tensors.map { .init(name: $0.name, type: .f32, shape: $0.shape) })
      for tensor in tensors { try writer.write([Float](repeating: 0, count: tensor.shape.reduce(1, *))) }
      try writer.finish()
      return message(folder)
    }
  }

  private func message(_ folder: String) -> String? {
    do {
      _ = try LanguageModel(folder: folder, backend: makeBackend())
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func aSoundFolderIsAccepted() throws {
    let text = try refusal { _ in }
    #expect(text == nil)
  }

  @Test func missingTensorsAreNamed() throws {
    let text = try refusal { $0.removeAll { $0.name.contains("vu_proj") } }
    #expect(text?.contains("lacks the tensors model.layers.0.self_attn.vu_proj.weight") == true)
  }

  @Test func superfluousTensorsAreNamed() throws {
    let text = try refusal { $0.append((name: "model.layers.1.mlp.up_proj.weight", shape: [2])) }
    #expect(text?.contains("holds the tensors model.layers.1.mlp.up_proj.weight") == true)
  }

  @Test func shapesAreCompared() throws {
    let text = try refusal { $0[0].shape = [51, 168] }
    #expect(text?.contains("model.embed_tokens.weight has the shape [51, 168]") == true)
    #expect(text?.contains("[50, 168]") == true)
  }

  @Test func anotherMechanismIsNoticed() throws {
    let text = try refusal(config: { $0.mechanism = .causal }, { _ in })
    #expect(text?.contains("q_proj") == true)
  }

  @Test func theHeadOfATiedModelIsNoSurprise() throws {
    let copied = try refusal { $0.append((name: "lm_head.weight", shape: [50, 168])) }
    #expect(copied == nil)
    let text = try refusal(config: { $0.tiesEmbeddings = false }, { _ in })
    #expect(text?.contains("lacks the tensors lm_head.weight") == true)
  }

  @Test func missingFilesAreNamed() throws {
    try withTemporaryFolder { folder in
      #expect(message(folder)?.contains("config.json") == true)
      #expect(message("\(folder)/none")?.contains("\(folder)/none") == true)
      try AtomicFile.write(try makeModel(layers: 1).configuration.json, path: "\(folder)/config.json")
      #expect(message(folder)?.contains("model.safetensors") == true)
    }
  }

  @Test(arguments: [
    #"{}"#, #"{"weight_map": {"a": 1}}"#, #"{"weight_map": {"a": "../b.safetensors"}}"#,
    #"{"weight_map": {"a": "missing.safetensors"}}"#, "not json",
  ])
  func badIndicesAreRefused(index: String) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(try makeModel(layers: 1).configuration.json, path: "\(folder)/config.json")
      try AtomicFile.write(Array(index.utf8), path: "\(folder)/model.safetensors.index.json")
      #expect(message(folder)?.contains(folder) == true)
    }
  }
}
