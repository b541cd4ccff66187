import CastleAttention
import CastleFormats
import CastleModel
import CastleTensors
import Testing

@Suite struct DecodingSessionTests {
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
    let session = try DecodingSession(model, capacity: 130)
    var logits: [Float] = []
    var piece = 0
    while session.length < tokens.count {
      let end = min(session.length + pieces[piece % pieces.count], tokens.count)
      logits += try session.appendReturningAllLogits(Array(tokens[session.length..<end]))
      piece += 1
    }
    #expect(relativeError(logits, full.map(Double.init)) < 1e-5)
  }

  @Test(arguments: presets)
  func theLastLogitsAreThoseOfTheLastToken(preset: String) throws {
    let model = try model(preset)
    let tokens = randomTokens(600)
    let all = try DecodingSession(model, capacity: 600).appendReturningAllLogits(tokens)
    let last = try DecodingSession(model, capacity: 700).append(tokens)
    let expected = all.suffix(model.configuration.vocabularySize)
    #expect(relativeError(last, expected.map(Double.init)) < 1e-5)
  }

  @Test(arguments: GoldenModel.names)
  func goldenLogits(name: String) throws {
    let golden = try GoldenModel(name)
    let model = try golden.load()
    let sequence = golden.documents.ranges[0]
    let session = try DecodingSession(model, capacity: sequence.count)
    var logits: [Float] = []
    for token in golden.tokens[sequence] { logits += try session.append([token]) }
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
    let session = try DecodingSession(model, capacity: 64)
    _ = try session.append(prompt)
    let fork = session.fork()
    let left = try session.append([1, 2, 3])
    let right = try fork.append([4, 5])
    #expect(session.length == 43 && fork.length == 42)
    let full = try model.logits(prompt + [4, 5]).suffix(right.count)
    #expect(relativeError(right, full.map(Double.init)) < 1e-5)
    let other = try model.logits(prompt + [1, 2, 3]).suffix(left.count)
    #expect(relativeError(left, other.map(Double.init)) < 1e-5)
  }

  @Test(arguments: presets)
  func truncationComesBackToTheSnapshot(preset: String) throws {
    let model = try model(preset)
    let session = try DecodingSession(model, capacity: 64)
    _ = try session.append(randomTokens(30))
    session.snapshot()
    let first = try session.append([7, 8, 9])
    session.truncate(to: 30)
    #expect(session.length == 30)
    #expect(try session.append([7, 8, 9]) == first)
  }

  @Test(arguments: presets)
  func snapshotsTakeMemoryUntilTheyAreDiscarded(preset: String) throws {
    let model = try model(preset)
    let hasLookahead = model.configuration.mechanism.hasLookahead
    let session = try DecodingSession(model, capacity: 64)
    _ = try session.append(randomTokens(30))
    let byteCount = session.cacheByteCount
    session.snapshot()
    #expect(session.cacheByteCount == byteCount)
    _ = try session.append([7])
    #expect(session.cacheByteCount == 2 * byteCount)
    #expect(session.canTruncate(to: 30) && session.canTruncate(to: 0))
    #expect(session.canTruncate(to: 29) == !hasLookahead)
    session.discardSnapshots()
    #expect(session.cacheByteCount == byteCount)
    #expect(session.canTruncate(to: 30) == !hasLookahead && session.canTruncate(to: 31))
  }

  @Test func badInputIsNamedAndChangesNothing() throws {
    let model = try makeModel { $0.maximumLength = 16 }
    #expect(throws: InputError.self) { try DecodingSession(model, capacity: 17) }
    let session = try DecodingSession(model, capacity: 8)
    let first = try session.append([1, 2, 3])
    for tokens in [[], [50], [-1], [1, 2, 3, 4, 5, 6]] as [[Int32]] {
      #expect(throws: InputError.self) { try session.append(tokens) }
    }
    #expect(session.length == 3)
    #expect(first.count == 50)
  }
}
