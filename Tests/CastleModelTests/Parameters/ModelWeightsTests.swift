import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import Testing

/// Models for inference whose weights lie outside an arena.
@Suite struct ModelWeightsTests {
  /// A model with a copy of every parameter of `model` in memory of its own.
  private func separate(_ model: LanguageModel) throws -> LanguageModel {
    func copy(_ name: String) throws -> Matrix {
      let source = try #require(model.view(named: name))
      let matrix = model.backend.allocate(
        Float.self, rowCount: source.rowCount, columnCount: source.columnCount)
      model.backend.copy(source, to: matrix)
      return matrix
    }
    let weights = try ModelWeights(model.configuration) { name, _ in
      .float32(try copy(name))
    } norm: { name in
      try copy(name)
    }
    return try LanguageModel(model.configuration, weights: weights, backend: model.backend)
  }

  @Test(arguments: ["1m-causal", "1m-castle"], [false, true])
  func theyGiveTheLogitsOfTheArena(preset: String, tied: Bool) throws {
    let model = try makeModel(preset) { $0.tiesEmbeddings = tied }
    let other = try separate(model)
    let tokens = randomTokens(30)
    let expected = try model.logits(tokens)
    #expect(relativeError(try other.logits(tokens), expected.map(Double.init)) < 1e-5)
    let engine = InferenceEngine(other)
    let cached = try engine.advance(engine.makeSequence(capacity: 30), by: tokens, logits: .all)
    #expect(relativeError(cached, expected.map(Double.init)) < 1e-5)
    let byteCount = 4 * model.configuration.parameterCount
    #expect(other.parameters.byteCount == byteCount && model.parameters.byteCount == byteCount)
  }

  @Test func theyAreNeitherTrainedNorSaved() throws {
    let model = try separate(makeModel())
    #expect(!model.isTrainable)
    #expect(throws: InputError.self) { try TrainingPass(model, batch: 1, length: 8) }
    #expect(throws: InputError.self) { try model.save(to: "/nowhere/model") }
    #expect(throws: InputError.self) { try model.loadWeights(from: "/nowhere/weights") }
  }

  @Test func aWrongShapeIsNamed() throws {
    let model = try makeModel()
    let vector = try #require(model.view(named: "model.norm.weight"))
    do {
      _ = try ModelWeights(model.configuration) { _, _ in
        .float32(vector)
      } norm: { _ in
        vector
      }
      Issue.record("weights of a wrong shape were taken")
    } catch let error as InputError {
      #expect("\(error)".contains("model.embed_tokens.weight has the shape [1, "))
    }
  }
}
