import CastleAttention
import CastleCluster
import CastleEvaluation
import CastleFormats
import CastleModel

/// Sequences of a probe that a model is scored on and never trained on.
struct HeldOutSet: Sendable {
  /// The name under which the results are recorded.
  let name: String
  let probe: any Probe
  /// The number of sequences.
  let count: Int

  /// The sets of `source`: as many sequences of each as have `tokens` tokens, at least one.
  static func all(of source: ProbeSource, tokens: Int) -> [HeldOutSet] {
    let count = max(1, tokens / source.length)
    return [HeldOutSet(name: EvaluationSettings.ownSet, probe: source.probe, count: count)]
      + source.probe.variants.map { HeldOutSet(name: $0.name, probe: $0.probe, count: count) }
  }
}

/// Measures how many answers of a probe a model finds, and their loss. Every group of ranks measures its
/// share, and each of its ranks some of the tokens.
struct ProbeEvaluator {
  let pass: ScoringPass
  /// The number of sequences at a time.
  let batch: Int
  let ranks: RankGroups

  /// What a rank has measured on its share.
  private struct Sums: BitwiseCopyable {
    var loss = 0.0
    var right = 0
    var count = 0
    var isCancelled = false
  }

  /// Measures on `set`. `progress` gets the share that is done before each batch, and ends the work by
  /// returning false; the result is then nil.
  func evaluate(
    _ set: HeldOutSet, of source: ProbeSource, progress: (_ share: Double) -> Bool
  ) throws -> EvaluationResult? {
    let share = ranks.groups.share(of: set.count)
    let all = try ranks.all.together {
      var own = Sums()
      for start in stride(from: share.lowerBound, to: share.upperBound, by: batch) {
        let goesOn = progress(Double(start - share.lowerBound) / Double(share.count))
        guard try !ranks.own.isTrueOnAny(!goesOn) else {
          own.isCancelled = true
          break
        }
        let sequences = (start..<min(start + batch, share.upperBound)).map {
          source.heldOutSequence($0, of: set.probe)
        }
        for score in try scores(sequences, length: source.length) {
          own.loss -= Double(score.logProbability)
          own.right += score.isGreedy == true ? 1 : 0
          own.count += 1
        }
      }
      return own
    }
    guard !all.contains(where: \.isCancelled) else { return nil }
    let loss = all.dropFirst().reduce(all[0].loss) { $0 + $1.loss }
    let count = all.reduce(0) { $0 + $1.count }
    guard loss.isFinite else {
      throw InputError("the model's loss on \(set.name) is \(loss): its weights are damaged")
    }
    return EvaluationResult(
      loss: loss / Double(count), tokens: count, bitsPerByte: nil,
      accuracy: Double(all.reduce(0) { $0 + $1.right }) / Double(count))
  }

  private func scores(_ sequences: [ProbeSequence], length: Int) throws -> [TokenScore] {
    let targets = sequences.flatMap(\.targets)
    let documents = Documents(sequences.indices.map { $0 * length..<($0 + 1) * length })
    let queries = pass.ownTokens(of: documents).joined().compactMap { place in
      targets[place] < 0 ? nil : TokenQuery(place: place, token: targets[place])
    }
    return try pass.score(
      sequences.flatMap(\.tokens), documents: documents, queries: queries, alternatives: 1)
  }
}
