import CastleGeneration
import CastleOperations
import CastleServing
import CastleTensors
import Foundation
import Testing

/// What a request gets depends on nothing but itself.
@Suite struct BatchInvarianceTests {
  static let models = [
    ServedModel(preset: "1m-causal", format: .float32), ServedModel(preset: "1m-castle", format: .float32),
    ServedModel(preset: "1m-castle-swl", format: .bfloat16), ServedModel(preset: "1m-castle", format: .int8),
    ServedModel(preset: "1m-castle-swl", format: .int4, threads: 1), ServedModel(preset: "1m-castle"),
  ]

  private func alone(_ requests: [ServingRequest], _ model: ServedModel) async throws -> [[ServingEvent]] {
    let engine = try model.engine()
    var results: [[ServingEvent]] = []
    for request in requests { results.append(try await engine.result(request)) }
    return results
  }

  /// All requests at random times.
  private func together(
    _ requests: [ServingRequest], _ engine: ServingEngine, seed: UInt64
  ) async throws -> [[ServingEvent]] {
    try await withThrowingTaskGroup(of: (Int, [ServingEvent]).self) { group in
      var source = RandomSource(seed: seed)
      for (index, request) in requests.enumerated() {
        let delay = UInt64(source.nextDouble() * 60_000_000)
        group.addTask {
          try await Task.sleep(nanoseconds: delay)
          return (index, try await engine.result(request))
        }
      }
      var results: [[ServingEvent]] = Array(repeating: [], count: requests.count)
      for try await (index, events) in group { results[index] = events }
      return results
    }
  }

  @Test(arguments: models)
  func othersChangeNoBit(model: ServedModel) async throws {
    let requests = try randomRequests(30, seed: 5)
    let expected = try await alone(requests, model)
    for seed in 1...2 {
      let settings = ServingSettings.small.with {
        if seed == 2 { ($0.stepTokens, $0.cacheMemory) = (1, .sequences(3)) }
      }
      let results = try await together(requests, model.engine(settings), seed: UInt64(seed))
      #expect(results == expected)
    }
  }

  @Test(arguments: models)
  func theStoreOfPrefixesChangesNoBit(model: ServedModel) async throws {
    let prefix = (0..<100).map { Int32($0 * 7 % ServedModel.vocabularySize) }
    let requests = try randomRequests(24, seed: 11, sharing: prefix)
    let expected = try await alone(requests, model)
    for bytes in [64 << 20, 1 << 20] {
      let engine = try model.engine(.small.with { $0.prefixBytes = bytes })
      let results = try await together(requests, engine, seed: 3)
      #expect(results.map(\.withoutCounts) == expected)
      let again = try await together(requests, engine, seed: 4)
      #expect(again.map(\.withoutCounts) == expected)
      let statistics = engine.statistics
      #expect(statistics.prefixBytes <= bytes)
      if bytes > 1 << 20 {
        #expect(statistics.cachedTokens > 0)
        let unscored = zip(requests, again).filter { !$0.0.scoresPrompt }
        #expect(unscored.allSatisfy { ($0.1.cachedTokens ?? 0) >= 96 })
      }
    }
  }

  @Test func oneSequenceIsThatOfTheGenerator() async throws {
    let model = ServedModel(format: .float32)
    for request in try randomRequests(8, seed: 2) {
      let settings = ServingSettings.small.with { $0.chunkSize = ServedModel.maximumLength }
      let events = try await model.engine(settings).result(request)
      let generator = try Generator(
        GenerationRequest(
          prompt: request.prompt, sampling: request.sampling, maximumTokens: request.maximumTokens,
          endTokens: request.endTokens), model: model.make())
      var tokens: [Int32] = []
      while let token = try generator.next() { tokens.append(token) }
      if let end = generator.endToken { tokens.append(end) }
      #expect(events.tokens == tokens)
      #expect(events.finish?.0 == generator.finishReason)
    }
  }
}
