import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import Foundation
import Testing

/// Causal models whose keys and values are mixed with those of the token before.
@Suite struct ShiftedSequenceTests {
  private func model(shifted: Bool = true) throws -> LanguageModel {
    try makeModel("1m-causal", backend: makeBackend()) { $0.shiftsKeysAndValues = shifted }
  }

  @Test(arguments: [[1], [7], [64, 1, 1, 5], [130]])
  func cachedLogitsEqualTheFullForward(pieces: [Int]) throws {
    let model = try model()
    let tokens = randomTokens(130)
    let full = try model.logits(tokens)
    let engine = InferenceEngine(model, chunkSize: 48)
    let sequence = try engine.makeSequence(capacity: 130)
    var logits: [Float] = []
    var piece = 0
    while sequence.length < tokens.count {
      let end = min(sequence.length + pieces[piece % pieces.count], tokens.count)
      logits += try engine.advance(sequence, by: Array(tokens[sequence.length..<end]), logits: .all)
      piece += 1
    }
    #expect(relativeError(logits, full.map(Double.init)) < 1e-5)
  }

  @Test func sequencesSideBySideDoNotSeeEachOther() throws {
    let model = try model()
    let engine = InferenceEngine(model)
    let texts = (0..<5).map { randomTokens(3 + 4 * $0, seed: UInt64($0)) }
    let sequences = try texts.map { try engine.makeSequence(capacity: $0.count) }
    _ = try engine.advance(zip(sequences, texts).map { .init($0, by: Array($1.dropLast()), logits: .none) })
    let logits = try engine.advance(zip(sequences, texts).map { .init($0, by: [$1[$1.count - 1]]) })
    for (logits, text) in zip(logits, texts) {
      let expected = try model.logits(text).suffix(logits.count)
      #expect(relativeError(logits, expected.map(Double.init)) < 1e-5)
    }
  }

  /// Only where a snapshot was taken is it known which keys and values came last.
  @Test func aSequenceComesBackToASnapshotOnly() throws {
    let model = try model()
    let engine = InferenceEngine(model)
    let tokens = randomTokens(40)
    let sequence = try engine.makeSequence(capacity: 60)
    _ = try engine.advance(sequence, by: Array(tokens[..<20]))
    sequence.snapshot()
    let expected = try engine.advance(sequence.fork(), by: Array(tokens[20..<23]))
    let fork = sequence.fork()
    _ = try engine.advance(sequence, by: randomTokens(9, seed: 5))
    #expect(sequence.canTruncate(to: 20) && sequence.canTruncate(to: 0) && !sequence.canTruncate(to: 21))
    sequence.truncate(to: 20)
    #expect(try engine.advance(sequence, by: Array(tokens[20..<23])) == expected)
    #expect(try engine.advance(fork, by: Array(tokens[20..<23])) == expected)
    sequence.truncate(to: 0)
    let whole = try engine.advance(sequence, by: tokens)
    let wanted = try model.logits(tokens).suffix(whole.count)
    #expect(relativeError(whole, wanted.map(Double.init)) < 1e-5)
  }

  @Test func startAndParametersBesideTheShiftAreThoseOfTheCausalModel() throws {
    let (plain, shifted) = (try model(shifted: false), try model())
    let matrices = plain.layout.matrices
    #expect(plain.read(plain.weights)[matrices] == shifted.read(shifted.weights)[matrices])
    let heads = shifted.configuration.heads.kvHeads
    let count = shifted.configuration.layerCount * 4 * heads
    #expect(shifted.configuration.parameterCount == plain.configuration.parameterCount + count)
    let entry = try #require(shifted.layout.entry(named: "model.layers.1.self_attn.kv_shift"))
    let values = Array(shifted.read(shifted.weights)[entry.range])
    #expect(entry.shape == [2, 2 * heads] && !entry.isMatrix)
    for head in 0..<2 * heads {
      #expect((0..<1).contains(values[head]) && values[2 * heads + head] == 1 - values[head])
    }
    #expect(Set(values).count > 2 * heads)
  }

  @Test func aFolderKeepsTheShiftAndHasCodeForIt() throws {
    let model = try model()
    let folder = NSTemporaryDirectory() + "shifted-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try model.save(to: folder)
    #expect(FileManager.default.fileExists(atPath: folder + "/modeling_castle.py"))
    let again = try LanguageModel(folder: folder, backend: makeBackend())
    #expect(again.configuration.shiftsKeysAndValues)
    let tokens = randomTokens(30)
    #expect(try again.logits(tokens) == model.logits(tokens))
  }

  @Test func recomputedActivationsGiveTheSameGradients() throws {
    let model = try model()
    let tokens = randomTokens(60)
    let documents = try #require(Documents(lengths: [25, 1, 34]))
    let gradients = try [false, true].map { recomputes in
      let pass = try TrainingPass(model, batch: 1, length: 60, recomputesActivations: recomputes)
      let gradients = model.makeGradients()
      _ = try pass.lossAndGradients(
        tokens: tokens, targets: tokens, documents: documents, lossScale: 1, into: gradients)
      return model.read(gradients)
    }
    #expect(gradients[0] == gradients[1])
  }
}
