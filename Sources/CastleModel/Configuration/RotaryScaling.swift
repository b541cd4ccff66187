import Foundation

/// How rotary frequencies are changed so that a model reads longer texts than it was made for, as in Python's
/// transformers.
public enum RotaryScaling: Sendable, Hashable {
  /// theta^(−2i/d) as they are.
  case none
  /// All frequencies divided by a factor (Chen et al., "Extending Context Window…", 2023).
  case linear(factor: Double)
  /// The base grows for texts beyond `max_position_embeddings`. A model reads no longer ones here, so that
  /// frequencies are as without scaling.
  case dynamic(factor: Double)
  /// That of Llama 3.1: low frequencies are divided, high ones kept.
  case llama3(Llama3)
  /// YaRN (Peng et al., 2023).
  case yarn(Yarn)

  /// The numbers of Llama 3.1's scaling.
  public struct Llama3: Sendable, Hashable {
    /// What low frequencies are divided by.
    public var factor: Double
    /// Waves longer than ``originalLength`` over this are of low frequency.
    public var lowFrequencyFactor: Double
    /// Waves shorter than ``originalLength`` over this are of high frequency.
    public var highFrequencyFactor: Double
    /// The longest texts before the scaling, in tokens.
    public var originalLength: Int

    /// Bundles the numbers.
    public init(
      factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalLength: Int
    ) {
      self.factor = factor
      self.lowFrequencyFactor = lowFrequencyFactor
      self.highFrequencyFactor = highFrequencyFactor
      self.originalLength = originalLength
    }
  }

  /// The numbers of YaRN.
  public struct Yarn: Sendable, Hashable {
    /// What low frequencies are divided by.
    public var factor: Double
    /// The longest texts before the scaling, in tokens.
    public var originalLength: Int
    /// Frequencies that turn more often within ``originalLength`` are kept.
    public var fastTurns = 32.0
    /// Frequencies that turn less often within ``originalLength`` are divided.
    public var slowTurns = 1.0
    /// Whether the bounds between the two are rounded to whole features.
    public var roundsBounds = true
    /// What rotated queries and keys are multiplied by; nil for what ``factor`` and the next two say.
    public var attentionFactor: Double?
    /// How much of ln(factor) the magnitude has, with ``meanScaleOfAll`` to divide by; nil where neither is
    /// given.
    public var meanScale: Double?
    /// See ``meanScale``.
    public var meanScaleOfAll: Double?

    /// Bundles the numbers that have no default.
    public init(factor: Double, originalLength: Int) {
      self.factor = factor
      self.originalLength = originalLength
    }
  }
}

extension RotaryScaling {
  /// The headSize/2 frequencies, in radians a token.
  func frequencies(theta: Double, headSize: Int) -> [Double] {
    let plain = (0..<headSize / 2).map { pow(theta, -2 * Double($0) / Double(headSize)) }
    switch self {
    case .none, .dynamic: return plain
    case .linear(let factor): return plain.map { $0 / factor }
    case .llama3(let numbers): return plain.map(numbers.scaled)
    case .yarn(let numbers): return numbers.scaled(plain, theta: theta)
    }
  }

  /// What rotated queries and keys are multiplied by.
  var magnitude: Double {
    if case .yarn(let numbers) = self { numbers.magnitude } else { 1 }
  }
}

extension RotaryScaling.Llama3 {
  fileprivate func scaled(_ frequency: Double) -> Double {
    let turns = Double(originalLength) * frequency / (2 * .pi)
    if turns > highFrequencyFactor { return frequency }
    if turns < lowFrequencyFactor { return frequency / factor }
    let share = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
    return (1 - share) * frequency / factor + share * frequency
  }
}

extension RotaryScaling.Yarn {
  fileprivate func scaled(_ plain: [Double], theta: Double) -> [Double] {
    let headSize = 2 * plain.count
    /// The feature, as a fraction, whose frequency makes so many turns within the original length.
    func feature(turns: Double) -> Double {
      Double(headSize) * log(Double(originalLength) / (turns * 2 * .pi)) / (2 * log(theta))
    }
    var (low, high) = (feature(turns: fastTurns), feature(turns: slowTurns))
    if roundsBounds { (low, high) = (low.rounded(.down), high.rounded(.up)) }
    low = max(low, 0)
    high = min(high, Double(headSize - 1))
    if low == high { high += 0.001 }
    return plain.enumerated().map { index, frequency in
      let divided = min(max((Double(index) - low) / (high - low), 0), 1)
      return frequency / factor * divided + frequency * (1 - divided)
    }
  }

  fileprivate var magnitude: Double {
    if let attentionFactor { return attentionFactor }
    func scale(_ share: Double) -> Double { factor <= 1 ? 1 : 0.1 * share * log(factor) + 1 }
    if let meanScale, let meanScaleOfAll, meanScale != 0, meanScaleOfAll != 0 {
      return scale(meanScale) / scale(meanScaleOfAll)
    }
    return scale(1)
  }
}
