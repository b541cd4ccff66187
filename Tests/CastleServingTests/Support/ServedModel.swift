import CastleAttention
import CastleGeneration
import CastleModel
import CastleOperations
import CastleServing
import CastleTensors
import Foundation
import Testing

/// A small model with random weights.
struct ServedModel: Sendable, CustomStringConvertible {
  var preset = "1m-castle"
  var format: WeightFormat?
  var threads = 2
  var isDamaged = false

  var description: String { "\(preset) \(format?.rawValue ?? "trainable"), \(threads) threads" }

  static let vocabularySize = 200
  static let maximumLength = 320

  func make() throws -> LanguageModel {
    var configuration = try ModelPreset(preset).configuration
    configuration.vocabularySize = Self.vocabularySize
    configuration.layerCount = 2
    configuration.maximumLength = Self.maximumLength
    if preset.hasSuffix("swl") { configuration.mechanism = .slidingWindow(9) }
    let model = try LanguageModel(configuration, backend: CPUBackend(threads: threads), seed: 3)
    // Larger weights than at the start of training make choices differ.
    for i in 0..<model.weights.count { model.weights.hostAddress[i] *= 4 }
    if isDamaged { model.backend.fill(model.weights, with: .nan) }
    return try format.map { try model.packed($0) } ?? model
  }

  func engine(_ settings: ServingSettings = .small) throws -> ServingEngine {
    try ServingEngine(make(), settings: settings)
  }
}

extension ServingSettings {
  static let small = ServingSettings(
    cacheMemory: .sequences(8), sequenceLimit: 24, stepTokens: 48, chunkSize: 32, queueLength: 100,
    prefixBytes: 0)

  func with(_ change: (inout ServingSettings) -> Void) -> ServingSettings {
    var settings = self
    change(&settings)
    return settings
  }
}

extension ServingEngine {
  /// All that comes of a request.
  func result(_ request: ServingRequest) async throws -> [ServingEvent] {
    var events: [ServingEvent] = []
    for try await event in try generate(request) { events.append(event) }
    return events
  }
}

extension [ServingEvent] {
  var tokens: [Int32] {
    compactMap { event -> Int32? in
      guard case .token(let id, _) = event else { return nil }
      return id
    }
  }

  var tokenScores: [TokenScore] {
    compactMap { event -> TokenScore? in
      guard case .token(_, let score) = event else { return nil }
      return score
    }
  }

  var promptScores: [TokenScore] {
    flatMap { event -> [TokenScore] in
      guard case .prompt(let scores, _) = event else { return [] }
      return scores
    }
  }

  var cachedTokens: Int? {
    for case .prompt(_, let cached) in self { return cached }
    return nil
  }

  var finish: (FinishReason, ServingUsage)? {
    guard case .finished(let reason, let usage)? = last else { return nil }
    return (reason, usage)
  }

  /// The same but for what came from the store.
  var withoutCounts: [ServingEvent] {
    map { event -> ServingEvent in
      switch event {
      case .prompt(let scores, _): return .prompt(scores: scores, cachedTokens: 0)
      case .token: return event
      case .finished(let reason, var usage):
        usage.cachedTokens = 0
        return .finished(reason, usage)
      }
    }
  }
}

/// Requests of many kinds.
func randomRequests(_ count: Int, seed: UInt64, sharing prefix: [Int32] = []) throws -> [ServingRequest] {
  var source = RandomSource(seed: seed)
  func number(_ range: Range<Int>) -> Int {
    range.lowerBound + Int(source.nextDouble() * Double(range.count))
  }
  return try (0..<count).map { index in
    let own = (0..<number(1..<150)).map { _ in Int32(number(0..<ServedModel.vocabularySize)) }
    let options = try SamplingOptions(
      temperature: index % 3 == 0 ? 0 : 0.9, topK: index % 4 == 1 ? 20 : nil, topP: index % 2 == 0 ? 1 : 0.9,
      presencePenalty: index % 5 == 2 ? 0.5 : 0, seed: UInt64(index))
    return ServingRequest(
      prompt: prefix + own, maximumTokens: number(1..<24), sampling: options, endTokens: [7],
      scoresPrompt: index % 4 == 3, alternatives: index % 2 == 0 ? number(0..<6) : nil)
  }
}
