import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import Testing

@Suite struct TrainingPassTests {
  private static let presets = ["1m-causal", "1m-castle", "1m-castle-swl"]

  @Test(arguments: presets)
  func gradientsAddUp(preset: String) throws {
    let model = try makeModel(preset)
    let pass = try TrainingPass(model, batch: 1, length: 33)
    let tokens = randomTokens(34)
    func run(into gradients: Matrix) throws {
      _ = try pass.lossAndGradients(
        tokens: Array(tokens.dropLast()), targets: Array(tokens.dropFirst()),
        documents: Documents(length: 33),
        lossScale: 1, into: gradients)
    }
    let once = model.makeGradients()
    let twice = model.makeGradients()
    try run(into: once)
    try run(into: twice)
    #expect(model.read(once) == model.read(twice))
    try run(into: twice)
    let doubled = model.read(once).map { 2 * Double($0) }
    #expect(relativeError(model.read(twice), doubled) < 1e-5)
  }

  @Test(arguments: presets)
  func packedDocumentsEqualSeparateOnes(preset: String) throws {
    let model = try makeModel(preset)
    let lengths = [1, 40, 7, 130, 22]
    let tokens = randomTokens(200)
    let targets = randomTokens(200, seed: 2)
    let pass = try TrainingPass(model, batch: 1, length: 200)
    var documents: [Range<Int>] = []
    var sum = 0.0
    let separate = model.makeGradients()
    for length in lengths {
      let start = documents.last?.upperBound ?? 0
      documents.append(start..<start + length)
      sum += try pass.lossAndGradients(
        tokens: Array(tokens[start..<start + length]), targets: Array(targets[start..<start + length]),
        documents: Documents(length: length), lossScale: 1, into: separate
      ).value
    }
    let packed = model.makeGradients()
    let loss = try pass.lossAndGradients(
      tokens: tokens, targets: targets, documents: Documents(documents), lossScale: 1, into: packed)
    #expect(abs(loss.value - sum) < 1e-6 * sum)
    #expect(relativeError(model.read(packed), model.read(separate).map(Double.init)) < 1e-5)
  }

  @Test(arguments: presets)
  func recomputationGivesTheSameBits(preset: String) throws {
    let model = try makeModel(preset, layers: 3)
    let gradients = try [false, true].map { recomputes in
      let pass = try TrainingPass(model, batch: 2, length: 65, recomputesActivations: recomputes)
      let gradients = model.makeGradients()
      _ = try pass.lossAndGradients(
        tokens: randomTokens(130), targets: randomTokens(130, seed: 2),
        documents: Documents([0..<65, 65..<130]),
        lossScale: 1, into: gradients)
      return model.read(gradients)
    }
    #expect(gradients[0] == gradients[1])
    let allFinite = gradients[0].allSatisfy(\.isFinite)
    #expect(allFinite)
  }

  @Test func targetsLeftOutAddNothing() throws {
    let model = try makeModel()
    let pass = try TrainingPass(model, batch: 1, length: 9)
    let gradients = model.makeGradients()
    let loss = try pass.lossAndGradients(
      tokens: randomTokens(9), targets: Array(repeating: -1, count: 9), documents: Documents(length: 9),
      lossScale: 1,
      into: gradients)
    #expect(loss.value == 0)
    let values = model.read(gradients)
    #expect(values.allSatisfy { $0 == 0 })
  }

  @Test func badInputIsNamed() throws {
    let model = try makeModel { $0.maximumLength = 16 }
    let pass = try TrainingPass(model, batch: 2, length: 16)
    func message(_ tokens: [Int32], _ targets: [Int32], _ documents: [Range<Int>]) -> String? {
      do {
        _ = try pass.loss(tokens: tokens, targets: targets, documents: Documents(documents))
        return nil
      } catch {
        return "\(error)"
      }
    }
    #expect(message([0, 50], [0, 1], [0..<2])?.contains("token id 50 at position 1") == true)
    #expect(message([0, -1], [0, 1], [0..<2])?.contains("token id -1") == true)
    #expect(message([0, 1], [0, 50], [0..<2])?.contains("target id 50") == true)
    #expect(message([0, 1], [-2, 0], [0..<2])?.contains("target id -2") == true)
    let long = randomTokens(17)
    #expect(message(long, long, [0..<17])?.contains("17 tokens") == true)
    #expect(throws: InputError.self) { try TrainingPass(model, batch: 1, length: 17) }
  }
}
