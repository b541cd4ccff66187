import Foundation

/// Seeded random numbers whose state can be saved: xoshiro256++ (Blackman and Vigna, 2019), seeded by
/// SplitMix64.
///
/// The same seed gives the same numbers on every run.
///
/// ```swift
/// var source = RandomSource(seed: 1)
/// let weight = 0.02 * source.nextNormal()
/// ```
public struct RandomSource: RandomNumberGenerator, Sendable, Hashable {
  /// All that the next numbers depend on.
  public struct State: Sendable, Hashable, Codable {
    /// The four words of xoshiro256++, not all 0.
    public var words: [UInt64]
    /// The second normal number of a pair, when only the first was taken.
    public var spareNormal: Float?

    /// Bundles the parts of a state.
    public init(words: [UInt64], spareNormal: Float?) {
      self.words = words
      self.spareNormal = spareNormal
    }
  }

  private var words: (UInt64, UInt64, UInt64, UInt64)
  private var spareNormal: Float?

  /// A source that `seed` determines.
  public init(seed: UInt64) {
    var counter = seed
    func word() -> UInt64 {
      defer { counter &+= SplitMix64.increment }
      return SplitMix64.mixed(counter)
    }
    words = (word(), word(), word(), word())
  }

  /// A source that goes on from `state`; nil if `state` is not one that a source can have.
  public init?(state: State) {
    guard state.words.count == 4, state.words != [0, 0, 0, 0] else { return nil }
    words = (state.words[0], state.words[1], state.words[2], state.words[3])
    spareNormal = state.spareNormal
  }

  /// The present state.
  public var state: State {
    State(words: [words.0, words.1, words.2, words.3], spareNormal: spareNormal)
  }

  /// 64 uniform bits.
  public mutating func next() -> UInt64 {
    let sum = words.0 &+ words.3
    let result = (sum << 23 | sum >> 41) &+ words.0
    let shifted = words.1 << 17
    words.2 ^= words.0
    words.3 ^= words.1
    words.1 ^= words.2
    words.0 ^= words.3
    words.2 ^= shifted
    words.3 = words.3 << 45 | words.3 >> 19
    return result
  }

  /// A number from 0 to `bound` − 1, uniform but for a bias below `bound` · 2⁻⁶⁴.
  package mutating func next(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A uniform number in [0, 1), a multiple of 2⁻²⁴.
  public mutating func nextFloat() -> Float {
    Float(next() >> 40) * 0x1p-24
  }

  /// A uniform number in [0, 1), a multiple of 2⁻⁵³.
  public mutating func nextDouble() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A number from the standard normal distribution (Box and Muller, 1958).
  public mutating func nextNormal() -> Float {
    if let spare = spareNormal {
      spareNormal = nil
      return spare
    }
    let radius = (-2 * log(1 - nextDouble())).squareRoot()
    let angle = 2 * Double.pi * nextDouble()
    spareNormal = Float(radius * sin(angle))
    return Float(radius * cos(angle))
  }

  /// Whether two sources will give the same numbers.
  public static func == (left: RandomSource, right: RandomSource) -> Bool { left.state == right.state }

  /// Hashes the state.
  public func hash(into hasher: inout Hasher) { hasher.combine(state) }
}
