import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import Testing

/// Logits, loss, all gradients and ten training losses against an independent float64 program.
@Suite struct GoldenTests {
  private let tolerance = 1e-5

  @Test(arguments: GoldenModel.names)
  func logits(name: String) throws {
    let golden = try GoldenModel(name)
    let model = try golden.load()
    let expected = try golden.expected.doubles("logits")
    let width = model.configuration.vocabularySize
    for sequence in golden.documents.ranges {
      let logits = try model.logits(Array(golden.tokens[sequence]))
      let rows = expected[(sequence.lowerBound * width)..<(sequence.upperBound * width)]
      #expect(relativeError(logits, rows) < tolerance)
    }
  }

  @Test(arguments: GoldenModel.names, [false, true])
  func lossAndGradients(name: String, recomputes: Bool) throws {
    let golden = try GoldenModel(name)
    let model = try golden.load()
    let pass = try TrainingPass(
      model, batch: 2, length: golden.tokens.count, recomputesActivations: recomputes)
    let gradients = model.makeGradients()
    let loss = try pass.lossAndGradients(
      tokens: golden.tokens, targets: golden.targets, documents: golden.documents,
      lossScale: 1 / Float(golden.targetCount), into: gradients)
    #expect(relativeError([Float(loss.value)], try golden.expected.doubles("loss")) < tolerance)
    let evaluated = try pass.loss(
      tokens: golden.tokens, targets: golden.targets, documents: golden.documents)
    #expect(evaluated.sum.value == loss.value)
    #expect(evaluated.count == golden.targetCount)
    let values = model.read(gradients)
    for entry in model.layout.entries {
      let error = relativeError(values[entry.range], try golden.expected.doubles("gradient." + entry.name))
      #expect(error < tolerance, "\(entry.name)")
    }
  }

  @Test(arguments: GoldenModel.names)
  func tenTrainingLosses(name: String) throws {
    let golden = try GoldenModel(name)
    let model = try golden.load()
    let pass = try TrainingPass(model, batch: 1, length: golden.tokens.count)
    let trainer = GoldenTrainer(model)
    var losses: [Float] = []
    for number in 1...10 {
      model.backend.fill(trainer.gradients, with: 0)
      let loss = try pass.lossAndGradients(
        tokens: golden.tokens, targets: golden.targets, documents: golden.documents,
        lossScale: 1 / Float(golden.targetCount), into: trainer.gradients)
      losses.append(Float(loss.value / Double(golden.targetCount)))
      trainer.step(number)
    }
    #expect(relativeError(losses, try golden.expected.doubles("losses")) < tolerance)
  }
}

/// AdamW with the numbers of `make_golden.py`.
private struct GoldenTrainer {
  let model: LanguageModel
  let gradients: Matrix
  private let firstMoments: Matrix
  private let secondMoments: Matrix

  init(_ model: LanguageModel) {
    self.model = model
    gradients = model.makeGradients()
    firstMoments = model.makeGradients()
    secondMoments = model.makeGradients()
  }

  func step(_ number: Int) {
    for (part, decay) in [(model.layout.matrices, Float(0.1)), (model.layout.vectors, 0)] {
      model.backend.adamW(
        model.weights.columns(part), gradients: gradients.columns(part),
        firstMoments: firstMoments.columns(part), secondMoments: secondMoments.columns(part),
        step: AdamWStep(
          learningRate: 3e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: decay,
          gradientScale: 1, number: number))
    }
  }
}
