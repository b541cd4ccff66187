import CastleFormats
import CastleGeneration
import Testing

/// The penalties and the bias of OpenAI's interface.
struct PenaltyTests {
  private func draws(_ count: Int, _ options: SamplingOptions, prompt: [Int32] = []) throws -> [Int32] {
    var sampler = Sampler(options)
    sampler.observe(prompt)
    return try (0..<count).map { _ in try sampler.next([3, 2.5, 2, 0] as [Float]) }
  }

  @Test func presenceCountsATokenOnce() throws {
    let options = try SamplingOptions(temperature: 0, presencePenalty: 1.2)
    #expect(try draws(5, options) == [0, 1, 2, 0, 0])
  }

  @Test func frequencyCountsATokenEachTime() throws {
    let options = try SamplingOptions(temperature: 0, frequencyPenalty: 0.6)
    #expect(try draws(6, options) == [0, 1, 0, 2, 1, 0])
  }

  @Test func thePromptDoesNotCount() throws {
    let options = try SamplingOptions(temperature: 0, presencePenalty: 2, frequencyPenalty: 2)
    #expect(try draws(1, options, prompt: [0, 0, 0]) == [0])
  }

  @Test func biasAddsToLogits() throws {
    #expect(try draws(2, SamplingOptions(temperature: 0, logitBias: [3: 100, 9: 100])) == [3, 3])
    #expect(try draws(2, SamplingOptions(temperature: 0, logitBias: [0: -100])) == [1, 1])
  }

  @Test func numbersOutOfRangeAreRefused() {
    #expect(throws: InputError.self) { try SamplingOptions(presencePenalty: 2.5) }
    #expect(throws: InputError.self) { try SamplingOptions(frequencyPenalty: .nan) }
    #expect(throws: InputError.self) { try SamplingOptions(logitBias: [1: 101]) }
    #expect(throws: InputError.self) { try SamplingOptions(logitBias: [-1: 1]) }
  }
}
