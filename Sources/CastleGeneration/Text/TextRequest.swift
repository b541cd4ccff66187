import CastleFormats
public import CastleModel
public import CastleTokenizer

/// What text is to be generated.
public struct TextRequest: Sendable, Hashable {
  /// What a text goes on from.
  public enum Prompt: Sendable, Hashable {
    /// A text in UTF-8. Bytes that are not UTF-8 are read as U+FFFD.
    case text([UInt8])
    /// Token ids, which are taken as they are.
    case tokens([Int32])
  }

  /// What the text goes on from.
  public var prompt: Prompt
  /// Whether a prompt given as text gets the special tokens of the tokenizer's ``Tokenizer/template``;
  /// without them it continues a text in its middle.
  public var addsSpecialTokens = true
  /// How the names of special tokens in the prompt are read.
  public var specialTokens = SpecialTokenReading.recognized
  /// How tokens are chosen.
  public var sampling: SamplingOptions
  /// The most tokens to generate.
  public var maximumTokens: Int
  /// The text ends before any of these strings.
  public var stops: [String]

  /// A request to go on from `prompt`.
  public init(
    _ prompt: Prompt, sampling: SamplingOptions = .greedy, maximumTokens: Int, stops: [String] = []
  ) {
    self.prompt = prompt
    self.sampling = sampling
    self.maximumTokens = maximumTokens
    self.stops = stops
  }

  /// A request to go on from the text `prompt`.
  public init(
    _ prompt: String, sampling: SamplingOptions = .greedy, maximumTokens: Int, stops: [String] = []
  ) {
    self.init(
      .text(Array(prompt.utf8)), sampling: sampling, maximumTokens: maximumTokens, stops: stops)
  }

  /// The same request in token ids. It needs no weights, so a request can be checked before they are read.
  ///
  /// An empty text begins a document: with the token that starts a text, or else the one that ends the one
  /// before.
  ///
  /// - Throws: `InputError` if a model of `configuration` cannot go on from the prompt, as ``Generator``
  /// does.
  public func encoded(
    for configuration: ModelConfiguration, _ tokenizer: Tokenizer
  ) throws -> GenerationRequest {
    let request = GenerationRequest(
      prompt: try promptTokens(configuration, tokenizer), sampling: sampling, maximumTokens: maximumTokens,
      endTokens: configuration.endTokens(tokenizer))
    try request.check(configuration)
    return request
  }

  /// The tokens of the prompt for a model of `configuration`, which may have too many of them.
  ///
  /// - Throws: `InputError` if the prompt is empty and nothing says what a text begins with.
  package func promptTokens(_ configuration: ModelConfiguration, _ tokenizer: Tokenizer) throws -> [Int32] {
    guard case .text(let bytes) = prompt else {
      guard case .tokens(let tokens) = prompt else { return [] }
      return tokens
    }
    let tokens = tokenizer.encode(bytes, specialTokens: specialTokens)
    guard addsSpecialTokens else {
      guard !tokens.isEmpty else {
        throw InputError("the prompt is empty; without special tokens it needs at least one character")
      }
      return tokens
    }
    let prompt = tokenizer.template.apply(to: tokens)
    guard prompt.isEmpty else { return prompt }
    guard let start = configuration.beginOfTextID.map(Int32.init) ?? tokenizer.endOfText else {
      throw InputError("the prompt is empty and the model has no token that starts a text; give a prompt")
    }
    return [start]
  }
}

extension ModelConfiguration {
  /// The tokens that end a text: those of the model's files, or if they name none the tokenizer's end of
  /// text.
  public func endTokens(_ tokenizer: Tokenizer) -> Set<Int32> {
    let ids = endOfTextIDs.map(Int32.init)
    return Set(ids.isEmpty ? [tokenizer.endOfText].compactMap { $0 } : ids)
  }
}
