import CastleFormats

/// How the next token is chosen from the model's logits.
///
/// What changes logits applies in the order repetition penalty, presence and frequency penalties, bias,
/// temperature; then the filters top-k, top-p, min-p.
public struct SamplingOptions: Sendable, Hashable {
  /// What the logits are divided by; 0 always takes the best token.
  public private(set) var temperature: Float
  /// Only this many of the best tokens stay; nil keeps all.
  public private(set) var topK: Int?
  /// The best tokens stay until their probabilities add up to this; 1 keeps all
  /// (Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020).
  public private(set) var topP: Float
  /// Tokens stay whose probability is at least this part of the best one's; 0 keeps all
  /// (Nguyen et al., "Turning Up the Heat: Min-p Sampling", 2024).
  public private(set) var minP: Float
  /// Positive logits of tokens that have occurred are divided by this, negative ones multiplied; 1 changes
  /// nothing (Keskar et al., "CTRL", 2019).
  public private(set) var repetitionPenalty: Float
  /// Subtracted from the logits of tokens that have been generated, −2 to 2; 0 changes nothing. The prompt's
  /// do not count. As in OpenAI's interface.
  public private(set) var presencePenalty: Float
  /// Subtracted from a token's logit for each time it has been generated, −2 to 2; 0 changes nothing. As in
  /// OpenAI's interface.
  public private(set) var frequencyPenalty: Float
  /// Added to the logits of some tokens, each −100 to 100: −100 practically forbids a token, 100 allows
  /// nothing else. As in OpenAI's interface.
  public private(set) var logitBias: [Int32: Float]
  /// What the random choices are made from.
  public var seed: UInt64

  /// Bundles the numbers.
  ///
  /// - Throws: `InputError` if one is outside its range.
  public init(
    temperature: Float = 1, topK: Int? = nil, topP: Float = 1, minP: Float = 0, repetitionPenalty: Float = 1,
    presencePenalty: Float = 0, frequencyPenalty: Float = 0, logitBias: [Int32: Float] = [:], seed: UInt64 = 0
  ) throws {
    func check(_ name: String, _ value: Float, _ isValid: Bool, _ range: String) throws {
      guard isValid else { throw InputError("\(name) is \(value), but must be \(range)") }
    }
    try check("temperature", temperature, temperature >= 0 && temperature.isFinite, "0 or a positive number")
    if let topK, topK < 1 { throw InputError("top-k is \(topK), but must be at least 1") }
    try check("top-p", topP, topP > 0 && topP <= 1, "above 0 and at most 1")
    try check("min-p", minP, minP >= 0 && minP <= 1, "from 0 to 1")
    try check(
      "repetition-penalty", repetitionPenalty, repetitionPenalty > 0 && repetitionPenalty.isFinite,
      "a positive number")
    for (name, value) in [("presence-penalty", presencePenalty), ("frequency-penalty", frequencyPenalty)] {
      try check(name, value, abs(value) <= 2, "from -2 to 2")
    }
    for (token, bias) in logitBias.sorted(by: { $0.key < $1.key }) {
      guard token >= 0 else {
        throw InputError("the logit-bias names the token \(token), which there is not")
      }
      try check("the logit-bias of token \(token)", bias, abs(bias) <= 100, "from -100 to 100")
    }
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.presencePenalty = presencePenalty
    self.frequencyPenalty = frequencyPenalty
    self.logitBias = logitBias
    self.seed = seed
  }

  /// Always the best token.
  public static let greedy: SamplingOptions = {
    var options = SamplingOptions()
    options.temperature = 0
    return options
  }()

  private init() {
    (temperature, topK, topP, minP, repetitionPenalty) = (1, nil, 1, 0, 1)
    (presencePenalty, frequencyPenalty, logitBias, seed) = (0, 0, [:], 0)
  }
}
