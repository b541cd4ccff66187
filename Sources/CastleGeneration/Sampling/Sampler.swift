import CastleFormats
import CastleTensors
import Foundation

/// Chooses one token after another from the model's scores.
///
/// ```swift
/// var sampler = Sampler(try SamplingOptions(temperature: 0.8, topK: 50, seed: 1))
/// let token = try sampler.next(logits)
/// ```
///
/// The same options and scores give the same tokens. The vocabulary is never sorted: with `topK` the cost is one
/// pass over it and a heap of that many tokens.
public struct Sampler: Sendable {
  /// How tokens are chosen.
  public let options: SamplingOptions

  private var random: RandomSource
  private var seen = TokenSet()
  private var scores: [Float] = []
  private var candidates = CandidateList()

  /// A sampler that has seen no token yet.
  public init(_ options: SamplingOptions) {
    self.options = options
    random = RandomSource(seed: options.seed)
  }

  /// Counts tokens, such as those of the prompt, as having occurred, for the repetition penalty.
  public mutating func observe(_ tokens: some Sequence<Int32>) {
    guard options.repetitionPenalty != 1 else { return }
    for token in tokens { seen.insert(token) }
  }

  /// The next token, given the score of every token of the vocabulary: logits, that is natural logarithms of
  /// probabilities up to a constant.
  ///
  /// - Throws: `InputError` if there is no score or one is NaN or +∞: no choice would mean anything.
  public mutating func next(_ logits: some Sequence<Float>) throws -> Int32 {
    scores.removeAll(keepingCapacity: true)
    scores.append(contentsOf: logits)
    penaliseRepetition()
    let best = try Self.best(of: scores)
    let token = options.temperature > 0 ? draw(best: best.score) : best.token
    observe(CollectionOfOne(token))
    return token
  }

  private mutating func penaliseRepetition() {
    let penalty = options.repetitionPenalty
    for token in seen.tokens where Int(token) < scores.count {
      let score = scores[Int(token)]
      scores[Int(token)] = score > 0 ? score / penalty : score * penalty
    }
  }

  private static func best(of scores: [Float]) throws -> Candidate {
    var best = Candidate(score: -.infinity, token: -1)
    for token in scores.indices {
      let score = scores[token]
      guard score < .infinity else {
        throw InputError("the model's score of token \(token) is \(score); its weights are damaged")
      }
      if score > best.score { best = Candidate(score: score, token: Int32(token)) }
    }
    guard best.token >= 0 else { throw InputError("the model gives no token a finite score") }
    return best
  }

  /// The probability of a token relative to that of the best one.
  private func weight(_ score: Float, best: Float) -> Double {
    exp(Double(score - best) / Double(options.temperature))
  }

  /// The lowest score that min-p lets stay.
  private func floor(best: Float) -> Float {
    best + options.temperature * log(options.minP)
  }

  private mutating func draw(best: Float) -> Int32 {
    if let topK = options.topK, topK < scores.count {
      candidates.keepBest(topK, of: scores)
      let total = candidates.items.reduce(0) { $0 + weight($1.score, best: best) }
      cutToNucleus(total: total, best: best)
    } else if options.topP < 1 {
      let total = scores.reduce(0) { $0 + weight($1, best: best) }
      keepNucleus(total: total, best: best)
    } else {
      return drawFromAll(best: best)
    }
    return drawFromCandidates(best: best)
  }

  /// Applies top-p and min-p to the candidates, which are in order.
  private mutating func cutToNucleus(total: Double, best: Float) {
    let floor = floor(best: best)
    var sum = 0.0
    var count = 0
    for item in candidates.items {
      guard item.score >= floor else { break }
      sum += weight(item.score, best: best)
      count += 1
      if sum >= Double(options.topP) * total { break }
    }
    candidates.cut(to: max(count, 1))
  }

  /// Applies top-p and min-p to the whole vocabulary.
  private mutating func keepNucleus(total: Double, best: Float) {
    let enough = Double(options.topP) * total
    let temperature = Double(options.temperature)
    var sum = 0.0
    candidates.keepBest(of: scores, atLeast: floor(best: best)) { item in
      sum += exp(Double(item.score - best) / temperature)
      return sum >= enough
    }
  }

  private mutating func drawFromCandidates(best: Float) -> Int32 {
    let total = candidates.items.reduce(0) { $0 + weight($1.score, best: best) }
    var rest = random.nextDouble() * total
    for item in candidates.items {
      rest -= weight(item.score, best: best)
      if rest < 0 { return item.token }
    }
    return candidates.items[0].token
  }

  /// Draws with no filter but min-p, in the order of the ids.
  private mutating func drawFromAll(best: Float) -> Int32 {
    let floor = floor(best: best)
    var total = 0.0
    var bestToken: Int32 = 0
    for token in scores.indices where scores[token] >= floor {
      total += weight(scores[token], best: best)
      if scores[token] == best { bestToken = Int32(token) }
    }
    var rest = random.nextDouble() * total
    for token in scores.indices where scores[token] >= floor {
      rest -= weight(scores[token], best: best)
      if rest < 0 { return Int32(token) }
    }
    return bestToken
  }
}
