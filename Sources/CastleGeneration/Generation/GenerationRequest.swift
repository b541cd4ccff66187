import CastleFormats
public import CastleModel

/// What is to be generated, in token ids.
public struct GenerationRequest: Sendable, Hashable {
  /// The tokens to go on from; at least one.
  public var prompt: [Int32]
  /// How tokens are chosen.
  public var sampling: SamplingOptions
  /// The most tokens to generate.
  public var maximumTokens: Int
  /// Tokens that end the text. They are not given out.
  public var endTokens: Set<Int32>

  /// Bundles the parts of a request.
  public init(
    prompt: [Int32], sampling: SamplingOptions = .greedy, maximumTokens: Int, endTokens: Set<Int32> = []
  ) {
    self.prompt = prompt
    self.sampling = sampling
    self.maximumTokens = maximumTokens
    self.endTokens = endTokens
  }

  /// Checks that a model of `configuration` can go on from the prompt.
  ///
  /// - Throws: `InputError` if the prompt is empty, longer than the model can read or has an id outside the
  ///   vocabulary, if ``maximumTokens`` is negative, or if the bias names a token outside the vocabulary.
  public func check(_ configuration: ModelConfiguration) throws {
    let longest = configuration.maximumLength
    let vocabularySize = configuration.vocabularySize
    guard !prompt.isEmpty else { throw InputError("the prompt has no tokens; give at least one") }
    guard prompt.count <= longest else {
      throw InputError("the prompt has \(prompt.count) tokens, but the model reads at most \(longest)")
    }
    guard maximumTokens >= 0 else {
      throw InputError("the most tokens to generate are \(maximumTokens), but must not be negative")
    }
    if let stranger = prompt.first(where: { $0 < 0 || $0 >= vocabularySize }) {
      throw InputError(
        "the prompt's token id \(stranger) is outside the model's vocabulary, 0..<\(vocabularySize)")
    }
    if let stranger = sampling.logitBias.keys.filter({ $0 >= vocabularySize }).min() {
      throw InputError(
        "the logit-bias names token \(stranger), outside the model's vocabulary, 0..<\(vocabularySize)")
    }
  }
}
