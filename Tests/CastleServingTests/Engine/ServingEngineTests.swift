import CastleFormats
import CastleGeneration
import CastleModel
import CastleOperations
import CastleServing
import Foundation
import Testing

@Suite struct ServingEngineTests {
  private let model = ServedModel(format: .float32)

  private func prompt(_ count: Int) -> [Int32] {
    (0..<count).map { Int32($0 * 13 % ServedModel.vocabularySize) }
  }

  @Test func scoresAreLogProbabilitiesOfTheModel() async throws {
    var request = ServingRequest(
      prompt: prompt(75), maximumTokens: 5, scoresPrompt: true, alternatives: 4)
    request.sampling = try SamplingOptions(temperature: 2, seed: 4)
    let events = try await model.engine().result(request)
    let scores = events.promptScores + events.tokenScores
    let tokens = request.prompt + events.tokens
    #expect(scores.map(\.token) == Array(tokens.dropFirst()))
    let width = ServedModel.vocabularySize
    let logits = try model.make().logits(Array(tokens.dropLast()))
    for (index, score) in scores.enumerated() {
      let row = logits[index * width..<(index + 1) * width].map(Double.init)
      let best = row.max() ?? 0
      let logSum = best + log(row.reduce(0) { $0 + exp($1 - best) })
      #expect(abs(Double(score.logProbability) - (row[Int(score.token)] - logSum)) < 1e-3)
      #expect(score.alternatives.count == 4)
      let sorted = score.alternatives.sorted { $0.logProbability > $1.logProbability }
      #expect(sorted.map(\.logProbability) == score.alternatives.map(\.logProbability))
      for alternative in score.alternatives where alternative.token == score.token {
        #expect(alternative.logProbability == score.logProbability)
      }
    }
  }

  @Test func scoringThePromptChangesNoToken() async throws {
    let engine = try model.engine()
    var request = ServingRequest(prompt: prompt(90), maximumTokens: 8, alternatives: 0)
    let plain = try await engine.result(request)
    request.scoresPrompt = true
    let scored = try await engine.result(request)
    #expect(scored.tokenScores == plain.tokenScores && plain.promptScores.isEmpty)
    #expect(scored.promptScores.count == 89)
  }

  @Test func requestsEndForTheirReasons() async throws {
    let engine = try model.engine()
    let long = try await engine.result(ServingRequest(prompt: prompt(10), maximumTokens: 6))
    #expect(long.tokens.count == 6)
    #expect(long.finish?.0 == .maximumTokens)
    #expect(
      long.finish?.1 == ServingUsage(promptTokens: 10, cachedTokens: 0, generatedTokens: 6))
    let ended = try await engine.result(
      ServingRequest(prompt: prompt(10), maximumTokens: 6, endTokens: [long.tokens[2]]))
    #expect(ended.finish?.0 == .endToken)
    #expect(ended.tokens == Array(long.tokens[...(long.tokens.firstIndex(of: long.tokens[2]) ?? 0)]))
    let full = try await engine.result(
      ServingRequest(prompt: prompt(ServedModel.maximumLength - 2), maximumTokens: 50))
    #expect(full.finish?.0 == .contextFull && full.tokens.count == 3)
    let scored = try await engine.result(
      ServingRequest(prompt: prompt(40), maximumTokens: 0, scoresPrompt: true))
    #expect(scored.promptScores.count == 39 && scored.tokens.isEmpty)
    #expect(scored.finish?.0 == .maximumTokens)
    let nothing = try await engine.result(ServingRequest(prompt: prompt(40), maximumTokens: 0))
    #expect(nothing.count == 2 && nothing.finish?.1.generatedTokens == 0)
    #expect(engine.statistics.finishedRequests == 5)
    #expect(engine.statistics.running == 0 && engine.statistics.reservedBytes == 0)
  }

  @Test func whatCannotBeIsRefusedWithNumbers() async throws {
    let engine = try model.engine()
    for request in [
      ServingRequest(prompt: [], maximumTokens: 1), ServingRequest(prompt: [1], maximumTokens: -1),
      ServingRequest(prompt: [Int32(ServedModel.vocabularySize)], maximumTokens: 1),
      ServingRequest(prompt: prompt(ServedModel.maximumLength + 1), maximumTokens: 1),
      ServingRequest(prompt: [1], maximumTokens: 1, alternatives: 21),
      ServingRequest(
        prompt: [1], maximumTokens: 1, sampling: try SamplingOptions(logitBias: [500: 1])),
    ] {
      #expect(throws: InputError.self) { try engine.generate(request) }
    }
    let whole = engine.statistics.bytesPerSequence
    let small = try model.engine(.small.with { $0.cacheMemory = .bytes(whole / 2) })
    #expect(throws: ServingError.self) {
      try small.generate(ServingRequest(prompt: prompt(300), maximumTokens: 20))
    }
    #expect(try await small.result(ServingRequest(prompt: prompt(30), maximumTokens: 2)).tokens.count == 2)
    for change in [
      { $0.cacheMemory = .bytes(10) }, { $0.cacheMemory = .sequences(0) }, { $0.queueLength = 0 },
      { $0.chunkSize = 0 }, { $0.prefixBytes = -1 },
    ] as [(inout ServingSettings) -> Void] {
      #expect(throws: InputError.self) { try model.engine(.small.with(change)) }
    }
  }

  @Test func memoryIsNeverExceededAndNobodyStarves() async throws {
    let engine = try model.engine(.small.with { $0.cacheMemory = .sequences(2) })
    let requests = try randomRequests(30, seed: 8)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for request in requests {
        group.addTask {
          for try await _ in try engine.generate(request) {
            let statistics = engine.statistics
            #expect(statistics.reservedBytes <= statistics.plannedBytes)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(engine.statistics.finishedRequests == requests.count)
  }

  @Test func theQueueIsBounded() async throws {
    let engine = try model.engine(
      .small.with { ($0.queueLength, $0.sequenceLimit) = (2, 1) })
    let long = ServingRequest(prompt: prompt(200), maximumTokens: 100)
    var streams: [AsyncThrowingStream<ServingEvent, any Error>] = []
    var error: ServingError?
    for _ in 0..<5 {
      do { streams.append(try engine.generate(long)) } catch let refusal as ServingError { error = refusal }
    }
    #expect(error == .queueFull(length: 2))
    #expect((2...3).contains(streams.count))
  }

  @Test func aClientThatGoesAwayEndsItsWork() async throws {
    let engine = try model.engine()
    var clients = 0
    // So small a model may be done before its client has gone; then another one comes.
    while engine.statistics.cancelledRequests == 0, clients < 100 {
      clients += 1
      let task = Task {
        for try await event in try engine.generate(ServingRequest(prompt: prompt(20), maximumTokens: 290)) {
          if case .token = event { break }
        }
      }
      try await task.value
      while engine.statistics.running > 0 { try await Task.sleep(nanoseconds: 1_000_000) }
    }
    #expect(engine.statistics.cancelledRequests == 1)
    #expect(engine.statistics.generatedTokens < 290 * clients)
    #expect(engine.statistics.reservedBytes == 0)
  }

  @Test func shuttingDownFinishesWhatRuns() async throws {
    let engine = try model.engine()
    let stream = try engine.generate(ServingRequest(prompt: prompt(50), maximumTokens: 20))
    await engine.shutDown()
    #expect(throws: ServingError.shutDown) {
      try engine.generate(ServingRequest(prompt: [1], maximumTokens: 1))
    }
    var events: [ServingEvent] = []
    for try await event in stream { events.append(event) }
    #expect(events.tokens.count == 20)
    await engine.shutDown()
  }

  @Test func aDroppedEngineEndsItsStreams() async throws {
    var engine: ServingEngine? = try model.engine()
    let stream = try #require(try engine?.generate(ServingRequest(prompt: prompt(50), maximumTokens: 250)))
    engine = nil
    await #expect(throws: ServingError.shutDown) { for try await _ in stream {} }
  }

  @Test func damagedWeightsFailTheRequestAlone() async throws {
    let engine = try ServedModel(isDamaged: true).engine()
    for scoresPrompt in [false, true] {
      await #expect(throws: InputError.self) {
        _ = try await engine.result(
          ServingRequest(prompt: prompt(9), maximumTokens: 3, scoresPrompt: scoresPrompt))
      }
    }
    #expect(engine.statistics.running == 0)
  }

  @Test func samePromptsAtOnceAreReadOnce() async throws {
    let engine = try model.engine(.small.with { $0.prefixBytes = 64 << 20 })
    let request = ServingRequest(prompt: prompt(150), maximumTokens: 4)
    let results = try await withThrowingTaskGroup(of: [ServingEvent].self) { group in
      for _ in 0..<6 { group.addTask { try await engine.result(request) } }
      return try await group.reduce(into: [[ServingEvent]]()) { $0.append($1) }
    }
    #expect(Set(results.map(\.tokens)).count == 1)
    // 128 of 150 tokens are whole chunks; one of the six reads them, as long as all arrive in time.
    #expect(engine.statistics.cachedTokens >= 4 * 128)
    #expect(engine.statistics.promptTokens + engine.statistics.cachedTokens == 6 * 150)
  }
}
