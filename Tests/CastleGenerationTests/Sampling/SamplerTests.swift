import CastleFormats
import CastleGeneration
import CastleTensors
import Foundation
import Testing

struct SamplerTests {
  /// Logits of `count` tokens in no particular order, some of them equal.
  private func logits(_ count: Int, seed: UInt64) -> [Float] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in (random.nextNormal() * 16).rounded() / 8 }
  }

  private func draws(_ count: Int, from logits: [Float], _ options: SamplingOptions) throws -> [Int32] {
    var sampler = Sampler(options)
    return try (0..<count).map { _ in try sampler.next(logits) }
  }

  /// The tokens in order of preference: higher logits first, among equal ones lower ids.
  private func ranking(_ logits: [Float]) -> [Int32] {
    logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }.map(Int32.init)
  }

  @Test func temperatureZeroTakesTheBestTokenWithTheLowestID() throws {
    #expect(try draws(3, from: [1, 4, 2, 4], .greedy) == [1, 1, 1])
  }

  @Test(arguments: [1, 2, 7, 63, 130, 1025])
  func topKDrawsFromTheBestTokens(k: Int) throws {
    let logits = logits(1025, seed: 3)
    let options = try SamplingOptions(temperature: 5, topK: k, seed: 9)
    let drawn = Set(try draws(400, from: logits, options))
    #expect(drawn.isSubset(of: ranking(logits).prefix(k)))
    #expect(k > 7 || drawn.count == k)
  }

  @Test(arguments: [Float(0.1), 0.5, 0.9, 0.999], [Int?.none, 40, 1025])
  func topPDrawsFromTheSmallestSetThatIsLikelyEnough(p: Float, k: Int?) throws {
    let logits = logits(1025, seed: 5)
    let kept = ranking(logits).prefix(k ?? logits.count)
    let total = kept.reduce(0) { $0 + exp(Double(logits[Int($1)])) }
    var sum = 0.0
    let nucleus = kept.prefix { token in
      defer { sum += exp(Double(logits[Int(token)])) }
      return sum < Double(p) * total
    }
    let drawn = try draws(300, from: logits, SamplingOptions(topK: k, topP: p, seed: 2))
    #expect(Set(drawn).isSubset(of: nucleus))
  }

  /// With probabilities of 0.5, 0.3 and 0.2, the nucleus takes in one more token at each of their sums.
  @Test(arguments: [Float(0.49), 0.51, 0.79, 0.81], [Int?.none, 3])
  func topPKeepsTheWholeNucleus(p: Float, k: Int?) throws {
    let nucleus: Set<Int32> = p < 0.5 ? [0] : p < 0.8 ? [0, 1] : [0, 1, 2]
    let logits: [Float] = [log(0.5), log(0.3), log(0.2)]
    let drawn = try draws(200, from: logits, SamplingOptions(topK: k, topP: p, seed: 3))
    #expect(Set(drawn) == nucleus)
  }

  @Test(arguments: [Float(1), 0.9], [Int?.none, 4])
  func minPKeepsTokensNearTheBest(topP: Float, k: Int?) throws {
    let logits: [Float] = [0, log(0.5), log(0.2), log(0.1)]
    let options = try SamplingOptions(topK: k, topP: topP, minP: 0.3, seed: 4)
    #expect(Set(try draws(200, from: logits, options)) == [0, 1])
  }

  @Test(arguments: [Float(0.5), 1, 2])
  func frequenciesFollowTheProbabilities(temperature: Float) throws {
    let logits: [Float] = [1, 0, -1, 2, -.infinity]
    let weights = logits.map { exp(Double($0) / Double(temperature)) }
    let total = weights.reduce(0, +)
    let count = 20_000
    let drawn = try draws(count, from: logits, SamplingOptions(temperature: temperature, seed: 6))
    for token in logits.indices {
      let expected = weights[token] / total
      let seen = Double(drawn.count { $0 == token }) / Double(count)
      let deviation = (expected * (1 - expected) / Double(count)).squareRoot()
      #expect(abs(seen - expected) <= 5 * deviation)
    }
  }

  @Test func sameSeedSameTokens() throws {
    let logits = logits(500, seed: 1)
    let first = try SamplingOptions(topK: 100, topP: 0.95, seed: 7)
    var second = first
    second.seed = 8
    #expect(try draws(50, from: logits, first) == draws(50, from: logits, first))
    #expect(try draws(50, from: logits, first) != draws(50, from: logits, second))
  }

  @Test func repetitionPenaltyLowersTokensThatHaveOccurred() throws {
    var sampler = Sampler(try SamplingOptions(temperature: 0, repetitionPenalty: 2))
    sampler.observe([3])
    let logits: [Float] = [2, 1.5, -0.5, 2.5]
    #expect(try (0..<3).map { _ in try sampler.next(logits) } == [0, 1, 3])
  }

  @Test(arguments: [[Float.nan, 1], [1, .nan], [.infinity, 0], [-.infinity, -.infinity], []])
  func meaninglessLogitsAreRefused(logits: [Float]) throws {
    var sampler = Sampler(try SamplingOptions())
    #expect(throws: InputError.self) { try sampler.next(logits) }
  }

  @Test func hugeLogitsAndTinyTemperaturesStayFinite() throws {
    let options = try SamplingOptions(temperature: .leastNonzeroMagnitude, topP: 0.9)
    #expect(try draws(3, from: [-1e30, 1e30, 3], options) == [1, 1, 1])
  }
}

struct SamplingOptionsTests {
  @Test func valuesOutsideTheirRangeAreNamed() {
    func message(_ body: () throws -> SamplingOptions) -> String {
      do {
        _ = try body()
        return ""
      } catch {
        return String(describing: error)
      }
    }
    #expect(message { try SamplingOptions(temperature: -1) }.contains("temperature is -1"))
    #expect(message { try SamplingOptions(temperature: .nan) }.contains("temperature is nan"))
    #expect(message { try SamplingOptions(topK: 0) }.contains("top-k is 0"))
    #expect(message { try SamplingOptions(topP: 0) }.contains("top-p is 0"))
    #expect(message { try SamplingOptions(topP: 1.5) }.contains("top-p is 1.5"))
    #expect(message { try SamplingOptions(minP: -0.1) }.contains("min-p is -0.1"))
    #expect(message { try SamplingOptions(repetitionPenalty: 0) }.contains("repetition-penalty is 0"))
  }
}
