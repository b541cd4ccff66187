import CastleFormats
import CastleTensors
import Foundation

/// Chooses one token after another from the model's logits.
///
/// ```swift
/// var sampler = Sampler(try SamplingOptions(temperature: 0.8, topK: 50, seed: 1))
/// let token = try sampler.next(logits)
/// ```
///
/// The same options and logits give the same tokens on every machine. The vocabulary is never sorted: a
/// choice is a few passes over it.
public struct Sampler: Sendable {
  /// How tokens are chosen.
  public let options: SamplingOptions

  private var random: RandomSource
  private var seen = TokenSet()
  /// How often each token has been generated, if a penalty asks.
  private var counts: [Int32: Int] = [:]
  private var row = LogitRow()
  private var search = RankSearch()

  /// A sampler that has seen no token yet.
  public init(_ options: SamplingOptions) {
    self.options = options
    random = RandomSource(seed: options.seed)
  }

  /// Counts tokens, such as those of the prompt, as having occurred, for the repetition penalty.
  /// The presence and frequency penalties count only what ``next(_:)`` has given.
  public mutating func observe(_ tokens: some Sequence<Int32>) {
    guard options.repetitionPenalty != 1 else { return }
    for token in tokens { seen.insert(token) }
  }

  /// The next token, given the logit of every token of the vocabulary: the natural logarithms of the
  /// probabilities up to a constant.
  ///
  /// - Throws: `InputError` if there is no logit or one is NaN or +∞: no choice would mean anything.
  public mutating func next(_ logits: some Sequence<Float>) throws -> Int32 {
    row.load(logits)
    penalizeRepetition()
    penalizeGenerated()
    addBias()
    try row.checkBest()
    let place = options.temperature > 0 ? draw() : row.bestPlace
    let token = row.token(at: place)
    observe(CollectionOfOne(token))
    if options.presencePenalty != 0 || options.frequencyPenalty != 0 { counts[token, default: 0] += 1 }
    return token
  }

  /// The weights that tokens are drawn with: 2ᵏ · exp((logit − best) / temperature) rounded to whole numbers,
  /// where the exponential is within 10⁻⁶ of its value, and k is the largest, up to 38, for which the sum of
  /// as many is exact.
  ///
  /// - Throws: `InputError` as ``next(_:)`` does.
  package static func weights(_ logits: [Float], temperature: Float) throws -> [Double] {
    var row = LogitRow()
    row.load(logits)
    try row.checkBest()
    row.weigh(temperature: temperature)
    return row.weights[..<row.count].map(Double.init)
  }

  private mutating func penalizeRepetition() {
    let penalty = options.repetitionPenalty
    for token in seen.tokens where Int(token) < row.count {
      let logit = row[Int(token)]
      row[Int(token)] = logit > 0 ? logit / penalty : logit * penalty
    }
  }

  private mutating func penalizeGenerated() {
    for (token, count) in counts where Int(token) < row.count {
      row[Int(token)] -= options.presencePenalty + Float(count) * options.frequencyPenalty
    }
  }

  private mutating func addBias() {
    for (token, bias) in options.logitBias where Int(token) < row.count { row[Int(token)] += bias }
  }

  /// Draws a place among those that survive top-k, then top-p, then min-p.
  private mutating func draw() -> Int {
    if let topK = options.topK, topK < row.count {
      row.keep(search.limit(row, toBest: topK, temperature: options.temperature))
    }
    row.weigh(temperature: options.temperature)
    let limit = options.topP < 1 ? search.limit(row, toShare: Double(options.topP)) : .none
    let floor = row.best + options.temperature * log(options.minP)
    return row.place(at: random.nextDouble(), within: limit.raised(to: floor))
  }
}

extension LogitRow {
  /// Finds the highest logit.
  ///
  /// - Throws: `InputError` if there is none, or a logit is NaN or +∞.
  fileprivate mutating func checkBest() throws {
    if let token = findBest() {
      throw InputError("the model's logit of token \(token) is \(self[token]); its weights are damaged")
    }
    guard best > -.infinity else { throw InputError("the model gives no token a finite logit") }
  }
}
