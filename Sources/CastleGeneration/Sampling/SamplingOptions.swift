import CastleFormats

/// How the next token is chosen from the model's logits.
///
/// The filters apply in the order repetition penalty, temperature, top-k, top-p, min-p.
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
  /// What the random choices are made from.
  public var seed: UInt64

  /// Bundles the numbers.
  ///
  /// - Throws: `InputError` if one is outside its range.
  public init(
    temperature: Float = 1, topK: Int? = nil, topP: Float = 1, minP: Float = 0, repetitionPenalty: Float = 1,
    seed: UInt64 = 0
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
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.seed = seed
  }

  /// Always the best token.
  public static let greedy: SamplingOptions = {
    var options = SamplingOptions()
    options.temperature = 0
    return options
  }()

  private init() {
    (temperature, topK, topP, minP, repetitionPenalty, seed) = (1, nil, 1, 0, 1, 0)
  }
}
