import CastleAttention
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTensors
import Testing

/// Models with lookahead keys that start from causal ones.
@Suite struct FromCausalTests {
  static let mechanisms: [Mechanism] = [
    .castle, .slidingWindow(5), Mechanism(window: .unlimited, appliesSiLU: false),
  ]

  @Test(arguments: mechanisms, [true, false])
  func logitsAreThoseOfTheCausalModel(mechanism: Mechanism, rotatesValues: Bool) throws {
    let causal = try makeModel("1m-causal") {
      $0.tiesEmbeddings = rotatesValues
      $0.heads = HeadLayout(queryHeads: 4, kvHeads: 2, headSize: 24)
    }
    let tokens = randomTokens(150)
    let expected = try causal.logits(tokens).map(Double.init)
    try withTemporaryFolder { folder in
      try causal.save(to: "\(folder)/causal")
      var configuration = causal.configuration
      configuration.mechanism = mechanism
      configuration.rotatesLookaheadValues = rotatesValues
      let model = try LanguageModel(
        fromCausal: "\(folder)/causal", configuration, backend: makeBackend(), seed: 3)
      let logits = try model.logits(tokens)
      #expect(relativeError(logits, expected) < 1e-6)
      let engine = InferenceEngine(model, chunkSize: 64)
      let sequence = try engine.makeSequence(capacity: tokens.count)
      let cached = try engine.advance(sequence, by: tokens, logits: .all)
      #expect(relativeError(cached, expected) < 1e-6)

      // What was added learns: v^U at once, q^U and k^U once v^U is no longer zero.
      let pass = try TrainingPass(model, batch: 1, length: tokens.count)
      let gradients = model.makeGradients()
      _ = try pass.lossAndGradients(
        tokens: tokens, targets: tokens, documents: Documents(length: tokens.count), lossScale: 0.01,
        into: gradients)
      let values = model.read(gradients)
      let weights = model.read(model.weights)
      for (name, isDrawn, learns) in [("qu", true, false), ("ku", true, false), ("vu", false, true)] {
        let entry = try #require(
          model.layout.entry(named: "model.layers.1.self_attn.\(name)_proj.weight"))
        #expect(weights[entry.range].contains { $0 != 0 } == isDrawn)
        #expect(values[entry.range].contains { $0 != 0 } == learns, "\(name)")
      }
    }
  }

  @Test func aFolderOfAnotherShapeIsRefused() throws {
    let causal = try makeModel("1m-causal")
    try withTemporaryFolder { folder in
      try causal.save(to: "\(folder)/causal")
      var configuration = causal.configuration
      configuration.mechanism = .castle
      configuration.layerCount = 3
      #expect(throws: InputError.self) {
        try LanguageModel(fromCausal: "\(folder)/causal", configuration, backend: makeBackend(), seed: 3)
      }
    }
  }
}
