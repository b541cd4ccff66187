import CastleAttention
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTensors
import Testing

/// Models of all families read token by token and in one pass.
@Suite struct FamilyDecodingTests {
  static let changes: [@Sendable (inout ModelConfiguration) -> Void] = [
    {
      $0.hasAttentionBias = true
      $0.hasMLPBias = true
      $0.rotaryScaling = .llama3(
        .init(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalLength: 32))
    },
    {
      $0.family = .mistral
      $0.slidingWindow = SlidingWindow(length: 37, layers: [0, 1])
      $0.rotaryScaling = .linear(factor: 3)
    },
    {
      $0.family = .qwen2
      $0.slidingWindow = SlidingWindow(length: 70, layers: [1])
    },
    {
      $0.family = .qwen3
      $0.hasAttentionBias = true
      $0.slidingWindow = SlidingWindow(length: 9, layers: [0])
      $0.rotaryScaling = .yarn(.init(factor: 4, originalLength: 64))
    },
  ]

  /// A model of the family with weights, biases and norms that show.
  private func model(_ index: Int) throws -> LanguageModel {
    let model = try makeModel("1m-causal", seed: 4) {
      $0.heads = HeadLayout(queryHeads: 4, kvHeads: 2, headSize: 24)
      Self.changes[index](&$0)
    }
    var source = RandomSource(seed: 9)
    let values = model.read(model.weights).map { $0 * 4 + 0.1 * source.nextNormal() }
    values.withUnsafeBufferPointer { model.backend.upload($0, to: model.weights) }
    return model
  }

  @Test(arguments: changes.indices, [1, 50, 64])
  func decodingEqualsWholeSequences(index: Int, chunk: Int) throws {
    let model = try model(index)
    let tokens = randomTokens(150)
    let expected = try model.logits(tokens).map(Double.init)
    let engine = InferenceEngine(model)
    let sequence = try engine.makeSequence(capacity: tokens.count)
    let logits = try stride(from: 0, to: tokens.count, by: chunk).flatMap { start in
      try engine.advance(
        sequence, by: Array(tokens[start..<min(start + chunk, tokens.count)]), logits: .all)
    }
    #expect(relativeError(logits, expected) < 1e-4)
  }

  @Test(arguments: changes.indices)
  func aFolderComesBack(index: Int) throws {
    let model = try model(index)
    try withTemporaryFolder { folder in
      try model.save(to: "\(folder)/model")
      let copy = try LanguageModel(folder: "\(folder)/model", backend: makeBackend())
      #expect(copy.configuration == model.configuration)
      #expect(copy.read(copy.weights) == model.read(model.weights))
    }
  }

  /// Weights that lie apart give the bits of those in one arena.
  @Test(arguments: changes.indices)
  func weightsMayLieApart(index: Int) throws {
    let model = try model(index)
    let weights = try ModelWeights(model.configuration) { name, _ in
      .float32(try #require(model.view(named: name)))
    } norm: { name in
      try #require(model.view(named: name))
    }
    let apart = try LanguageModel(model.configuration, weights: weights, backend: model.backend)
    let expected = try model.logits(randomTokens(20)).map(Double.init)
    let logits = try apart.logits(randomTokens(20))
    #expect(relativeError(logits, expected) < 1e-4)
    #expect(weights.byteCount == 4 * model.layout.parameterCount)
  }

  @Test func freshBiasesAreZero() throws {
    let fresh = try makeModel("1m-causal") { $0.hasAttentionBias = true }
    let entry = try #require(fresh.layout.entry(named: "model.layers.1.self_attn.k_proj.bias"))
    #expect(!entry.isMatrix && fresh.layout.vectors.contains(entry.offset))
    #expect(fresh.read(fresh.weights)[entry.range].allSatisfy { $0 == 0 })
  }
}
