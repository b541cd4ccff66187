import CastleAttention
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

/// Measures how many answers of a probe a model finds, and their loss.
struct ProbeEvaluator {
  let pass: ScoringPass
  /// The number of sequences at a time.
  let batch: Int

  /// Measures on `set`. `progress` gets the share that is done before each batch, and ends the work by returning
  /// false; the result is then nil.
  func evaluate(
    _ set: HeldOutSet, of source: ProbeSource, progress: (_ share: Double) -> Bool
  ) throws -> EvaluationResult? {
    var (loss, right, count) = (0.0, 0, 0)
    for start in stride(from: 0, to: set.count, by: batch) {
      guard progress(Double(start) / Double(set.count)) else { return nil }
      let sequences = (start..<min(start + batch, set.count)).map {
        source.heldOutSequence($0, of: set.probe)
      }
      for score in try scores(sequences, length: source.length) {
        loss -= Double(score.logProbability)
        right += score.isGreedy == true ? 1 : 0
        count += 1
      }
    }
    guard loss.isFinite else {
      throw InputError("the model's loss on \(set.name) is \(loss): its weights are damaged")
    }
    return EvaluationResult(
      loss: loss / Double(count), tokens: count, bitsPerByte: nil, accuracy: Double(right) / Double(count))
  }

  private func scores(_ sequences: [ProbeSequence], length: Int) throws -> [TokenScore] {
    let targets = sequences.flatMap(\.targets)
    let queries = targets.indices.compactMap { place in
      targets[place] < 0 ? nil : TokenQuery(place: place, token: targets[place])
    }
    return try pass.score(
      sequences.flatMap(\.tokens),
      documents: Documents(sequences.indices.map { $0 * length..<($0 + 1) * length }),
      queries: queries, alternatives: 1)
  }
}
