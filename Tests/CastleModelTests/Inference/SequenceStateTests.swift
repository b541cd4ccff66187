import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import Testing

@Suite struct SequenceStateTests {
  private static let presets = ["1m-causal", "1m-castle", "1m-castle-swl"]

  private func model(_ preset: String) throws -> LanguageModel {
    try makeModel(preset) {
      if preset.hasSuffix("swl") { $0.mechanism = .slidingWindow(9) }
    }
  }

  @Test(arguments: presets, [[1], [7], [64, 1, 1, 5], [130]])
  func cachedLogitsEqualTheFullForward(preset: String, pieces: [Int]) throws {
    let model = try model(preset)
    let tokens = randomTokens(130)
    let full = try model.logits(tokens)
    let engine = InferenceEngine(model)
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

  @Test(arguments: presets)
  func theLastLogitsAreThoseOfTheLastToken(preset: String) throws {
    let model = try model(preset)
    let tokens = randomTokens(600)
    let engine = InferenceEngine(model)
    let all = try engine.advance(engine.makeSequence(capacity: 600), by: tokens, logits: .all)
    let last = try engine.advance(engine.makeSequence(capacity: 700), by: tokens)
    let expected = all.suffix(model.configuration.vocabularySize)
    #expect(relativeError(last, expected.map(Double.init)) < 1e-5)
  }

  @Test(arguments: GoldenModel.names)
  func goldenLogits(name: String) throws {
    let golden = try GoldenModel(name)
    let model = try golden.load()
    let document = golden.documents.ranges[0]
    let engine = InferenceEngine(model)
    let sequence = try engine.makeSequence(capacity: document.count)
    var logits: [Float] = []
    for token in golden.tokens[document] { logits += try engine.advance(sequence, by: [token]) }
    let expected = try golden.expected.doubles("logits")[..<logits.count]
    #expect(relativeError(logits, expected) < 1e-5)
  }

  @Test(arguments: presets)
  func aLaterTokenNeverChangesEarlierLogits(preset: String) throws {
    let model = try model(preset)
    let tokens = randomTokens(97)
    var changed = tokens
    changed[70] = (changed[70] + 1) % 50
    let width = model.configuration.vocabularySize
    let first = try model.logits(tokens)
    let second = try model.logits(changed)
    #expect(first[..<(70 * width)] == second[..<(70 * width)])
    #expect(first[(70 * width)...] != second[(70 * width)...])
  }

  @Test(arguments: presets)
  func forksGoTheirOwnWay(preset: String) throws {
    let model = try model(preset)
    let prompt = randomTokens(40)
    let engine = InferenceEngine(model)
    let sequence = try engine.makeSequence(capacity: 64)
    _ = try engine.advance(sequence, by: prompt)
    let fork = sequence.fork()
    let left = try engine.advance(sequence, by: [1, 2, 3])
    let right = try engine.advance(fork, by: [4, 5])
    #expect(sequence.length == 43 && fork.length == 42)
    let full = try model.logits(prompt + [4, 5]).suffix(right.count)
    #expect(relativeError(right, full.map(Double.init)) < 1e-5)
    let other = try model.logits(prompt + [1, 2, 3]).suffix(left.count)
    #expect(relativeError(left, other.map(Double.init)) < 1e-5)
  }

  @Test(arguments: presets)
  func truncationComesBackToTheSnapshot(preset: String) throws {
    let model = try model(preset)
    let engine = InferenceEngine(model)
    let sequence = try engine.makeSequence(capacity: 64)
    _ = try engine.advance(sequence, by: randomTokens(30))
    sequence.snapshot()
    let first = try engine.advance(sequence, by: [7, 8, 9])
    sequence.truncate(to: 30)
    #expect(sequence.length == 30)
    #expect(try engine.advance(sequence, by: [7, 8, 9]) == first)
  }

  @Test(arguments: presets)
  func snapshotsTakeMemoryUntilTheyAreDiscarded(preset: String) throws {
    let model = try model(preset)
    let hasLookahead = model.configuration.mechanism.hasLookahead
    let engine = InferenceEngine(model)
    let sequence = try engine.makeSequence(capacity: 64)
    _ = try engine.advance(sequence, by: randomTokens(30))
    let byteCount = sequence.byteCount
    sequence.snapshot()
    #expect(sequence.byteCount == byteCount)
    _ = try engine.advance(sequence, by: [7])
    #expect(sequence.byteCount == 2 * byteCount)
    #expect(sequence.canTruncate(to: 30) && sequence.canTruncate(to: 0))
    #expect(sequence.canTruncate(to: 29) == !hasLookahead)
    sequence.discardSnapshots()
    #expect(sequence.byteCount == byteCount)
    #expect(sequence.canTruncate(to: 30) == !hasLookahead && sequence.canTruncate(to: 31))
  }

  @Test(arguments: presets)
  func cachesTakeNoMoreThanIsPlanned(preset: String) throws {
    let model = try model(preset)
    let configuration = model.configuration
    let engine = InferenceEngine(model)
    let sequence = try engine.makeSequence(capacity: 400)
    for count in [1, 62, 1, 1, 135, 200] {
      _ = try engine.advance(sequence, by: randomTokens(count))
      let layer = model.backend.attentionCacheByteCount(
        configuration.heads, mechanism: configuration.mechanism, length: sequence.length)
      #expect(sequence.byteCount <= configuration.layerCount * layer)
    }
  }

  @Test func badInputIsNamedAndChangesNothing() throws {
    let model = try makeModel { $0.maximumLength = 16 }
    let engine = InferenceEngine(model)
    #expect(throws: InputError.self) { try engine.makeSequence(capacity: 17) }
    let sequence = try engine.makeSequence(capacity: 8)
    let first = try engine.advance(sequence, by: [1, 2, 3])
    for tokens in [[], [50], [-1], [1, 2, 3, 4, 5, 6]] as [[Int32]] {
      #expect(throws: InputError.self) { try engine.advance(sequence, by: tokens) }
    }
    #expect(sequence.length == 3)
    #expect(first.count == 50)
  }
}
