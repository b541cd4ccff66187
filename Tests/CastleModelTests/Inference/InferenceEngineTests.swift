import CastleAttention
import CastleFormats
import CastleModel
import CastleOperations
import CastleTensors
import Testing

/// Several sequences that one engine advances together.
@Suite struct InferenceEngineTests {
  private static let presets = ["1m-causal", "1m-castle", "1m-castle-swl"]

  private func model(_ preset: String, threads: Int = 2) throws -> LanguageModel {
    try makeModel(preset, backend: makeBackend(threads: threads)) {
      if preset.hasSuffix("swl") { $0.mechanism = .slidingWindow(9) }
    }
  }

  /// Tokens of one sequence for one call.
  private struct Turn {
    let sequence: Int
    let tokens: [Int32]

    init(_ sequence: Int, _ tokens: [Int32]) {
      self.sequence = sequence
      self.tokens = tokens
    }
  }

  /// What the sequences get when each call holds all its turns, or a call is made for each of them.
  private func bits(_ model: LanguageModel, _ calls: [[Turn]], count: Int, together: Bool) throws
    -> [[UInt32]]
  {
    let engine = InferenceEngine(model, chunkSize: 64)
    let sequences = try (0..<count).map { _ in try engine.makeSequence(capacity: 200) }
    var logits: [[UInt32]] = Array(repeating: [], count: count)
    for call in calls {
      for turns in together ? [call] : call.map({ [$0] }) {
        let results = try engine.advance(turns.map { .init(sequences[$0.sequence], by: $0.tokens) })
        for (turn, result) in zip(turns, results) { logits[turn.sequence] += result.map(\.bitPattern) }
      }
    }
    return logits
  }

  @Test(arguments: presets, [1, 2])
  func decodingTogetherGivesTheBitsOfDecodingAlone(preset: String, threads: Int) throws {
    let model = try model(preset, threads: threads)
    for count in 2...8 {
      // Every sequence has another past, then all read one token at a time.
      var calls = [(0..<count).map { Turn($0, randomTokens(1 + 19 * $0, seed: UInt64($0))) }]
      for step in 0..<4 {
        calls.append((0..<count).map { Turn($0, randomTokens(1, seed: UInt64(100 * step + $0))) })
      }
      let together = try bits(model, calls, count: count, together: true)
      #expect(try bits(model, calls, count: count, together: false) == together, "\(count) sequences")
    }
  }

  @Test(arguments: WeightFormat.allCases)
  func packedWeightsLetSixteenShareAPass(format: WeightFormat) throws {
    let model = try model("1m-castle").packed(format)
    let calls = (0..<3).map { step in
      (0..<19).map { Turn($0, randomTokens(step == 0 ? 1 + $0 : 1, seed: UInt64(100 * step + $0))) }
    }
    let together = try bits(model, calls, count: 19, together: true)
    #expect(try bits(model, calls, count: 19, together: false) == together)
  }

  @Test(arguments: presets, [1, 2])
  func promptsAndTokensTogetherGiveTheBitsOfEachAlone(preset: String, threads: Int) throws {
    let model = try model(preset, threads: threads)
    let counts = [[1, 130, 3, 9, 1], [40, 1, 5, 1, 8], [1, 1, 1, 1, 1], [2, 3, 4, 5, 6]]
    let calls = counts.enumerated().map { call, counts in
      counts.enumerated().map { Turn($0, randomTokens($1, seed: UInt64(10 * call + $0))) }
    }
    let together = try bits(model, calls, count: 5, together: true)
    #expect(try bits(model, calls, count: 5, together: false) == together)
  }

  @Test(arguments: presets)
  func manySequencesEqualTheFullForward(preset: String) throws {
    let model = try model(preset)
    let engine = InferenceEngine(model)
    let texts = (0..<20).map { randomTokens(3 + $0, seed: UInt64($0)) }
    let sequences = try texts.map { try engine.makeSequence(capacity: $0.count) }
    _ = try engine.advance(
      zip(sequences, texts).map { .init($0, by: Array($1.dropLast()), logits: .none) })
    let logits = try engine.advance(zip(sequences, texts).map { .init($0, by: [$1[$1.count - 1]]) })
    for (logits, text) in zip(logits, texts) {
      let expected = try model.logits(text).suffix(logits.count)
      #expect(relativeError(logits, expected.map(Double.init)) < 1e-5)
    }
  }

  @Test func onlyTheLogitsAskedForCome() throws {
    let engine = InferenceEngine(try makeModel(), chunkSize: 16)
    let tokens = randomTokens(40)
    func advance(_ logits: InferenceEngine.LogitsRequest) throws -> InferenceEngine.Advance {
      .init(try engine.makeSequence(capacity: 40), by: tokens, logits: logits)
    }
    let results = try engine.advance([advance(.none), advance(.last), advance(.all)])
    #expect(results.map(\.count) == [0, 50, 40 * 50])
    #expect(relativeError(results[1], results[2].suffix(50).map(Double.init)) < 1e-5)
  }

  @Test func theLastLogitsAreTheSameBitsAloneAndWithAllOthers() throws {
    for model in [try makeModel(), try makeModel().packed(.int8)] {
      let engine = InferenceEngine(model, chunkSize: 32)
      let tokens = randomTokens(60)
      let all = try engine.advance(engine.makeSequence(capacity: 60), by: tokens, logits: .all)
      let last = try engine.advance(engine.makeSequence(capacity: 60), by: tokens)
      #expect(Array(all.suffix(50)) == last)
    }
  }

  @Test func cancellationLeavesWhatWasRead() throws {
    let engine = InferenceEngine(try makeModel(), chunkSize: 16)
    let sequence = try engine.makeSequence(capacity: 40)
    var passes = 0
    #expect(throws: CancellationError.self) {
      try engine.advance(sequence, by: randomTokens(40)) {
        passes += 1
        return passes > 2
      }
    }
    #expect(sequence.length == 32)
    let logits = try engine.advance(sequence, by: Array(randomTokens(40)[32...]))
    let whole = try engine.advance(engine.makeSequence(capacity: 40), by: randomTokens(40))
    #expect(logits == whole)
  }

  @Test func oneBadInputChangesNoSequence() throws {
    let engine = InferenceEngine(try makeModel())
    let sequences = try (0..<2).map { _ in try engine.makeSequence(capacity: 4) }
    for tokens in [[], [50], [1, 2, 3, 4, 5]] as [[Int32]] {
      #expect(throws: InputError.self) {
        try engine.advance([.init(sequences[0], by: [1]), .init(sequences[1], by: tokens)])
      }
    }
    #expect(sequences.map(\.length) == [0, 0])
    #expect(try engine.advance([]).isEmpty)
  }

  @Test func tasksTakeTurns() async throws {
    let expected = try InferenceEngine(makeModel()).greedyTokens(8, after: [1])
    let engine = Serialized(InferenceEngine(try makeModel()))
    let results = try await withThrowingTaskGroup(of: [Int32].self) { group in
      for _ in 0..<4 {
        group.addTask { try await engine.withValue { try $0.greedyTokens(8, after: [1]) } }
      }
      return try await group.reduce(into: [[Int32]]()) { $0.append($1) }
    }
    #expect(results == Array(repeating: expected, count: 4))
    await #expect(throws: InputError.self) {
      try await engine.withValue { _ = try $0.greedyTokens(1, after: [50]) }
    }
  }
}

extension InferenceEngine {
  /// The `count` most likely tokens, one after the other.
  fileprivate func greedyTokens(_ count: Int, after prompt: [Int32]) throws -> [Int32] {
    let sequence = try makeSequence(capacity: prompt.count + count)
    var tokens = prompt
    for _ in 0..<count {
      let logits = try advance(sequence, by: Array(tokens[sequence.length...]))
      tokens.append(Int32(logits.indices.max { logits[$0] < logits[$1] } ?? 0))
    }
    return tokens
  }
}
