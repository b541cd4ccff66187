import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import Testing

/// The reference operations put together against an independent float64 program, and against the CPU's.
@Suite struct ReferenceBackendTests {
  @Test(arguments: GoldenModel.names)
  func lossAndGradients(name: String) throws {
    let golden = try GoldenModel(name)
    let model = try golden.load(ReferenceBackend<Double>())
    let pass = try TrainingPass(model, batch: 1, length: golden.tokens.count)
    let gradients = model.makeGradients()
    let loss = try pass.lossAndGradients(
      tokens: golden.tokens, targets: golden.targets, documents: golden.documents,
      lossScale: 1 / Float(golden.targetCount), into: gradients)
    #expect(relativeError([Float(loss.value)], try golden.expected.doubles("loss")) < 1e-5)
    let values = model.read(gradients)
    for entry in model.layout.entries {
      let error = relativeError(values[entry.range], try golden.expected.doubles("gradient." + entry.name))
      #expect(error < 1e-5, "\(entry.name)")
    }
  }

  @Test(arguments: ["causal", "castle", "castle-swl", "causal-shifted", "qwen2-window", "qwen3-biases-yarn"])
  func decodingEqualsWholeSequences(name: String) throws {
    let model = try GoldenModel(name).load(ReferenceBackend<Float>())
    let tokens = randomTokens(12, vocabulary: model.configuration.vocabularySize)
    let engine = InferenceEngine(model)
    let sequence = try engine.makeSequence(capacity: tokens.count)
    _ = try engine.advance(sequence, by: Array(tokens[..<7]))
    let fork = sequence.fork()
    let last = try engine.advance(fork, by: Array(tokens[7...]))
    _ = try engine.advance(sequence, by: [tokens[0]])
    let whole = try model.logits(tokens).suffix(model.configuration.vocabularySize)
    #expect(relativeError(last, whole.map { Double($0) }) < 1e-5)
  }
}
