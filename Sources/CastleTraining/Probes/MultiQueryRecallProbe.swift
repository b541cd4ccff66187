import CastleTensors
import Foundation

/// Multi-query associative recall (Arora et al., "Zoology: Measuring and Improving Recall in Efficient
/// Language Models", 2024).
///
/// Of V tokens, 1 … V/2 − 1 are keys and V/2 … V − 1 values. First come ``pairCount`` different keys, each
/// with a value of its own; then every key stands once more, and its value should follow. How far after the
/// pairs it stands follows a power law: its distance in pairs, from 1, is drawn without repeats in proportion
/// to distance^(``power`` − 1). All other places hold 0, or random tokens (Arora et al., "Simple linear
/// attention language models balance the recall-throughput tradeoff", 2024).
struct MultiQueryRecallProbe: Probe {
  var vocabularySize: Int
  var length: Int
  var pairCount: Int
  var power: Double
  var fillsWithRandomTokens: Bool

  func sequence(_ random: inout RandomSource, isTraining: Bool) -> ProbeSequence {
    let half = vocabularySize / 2
    let keys = random.distinct(pairCount, below: half - 1).map { $0 + 1 }
    let values = random.distinct(pairCount, below: vocabularySize - half).map { $0 + half }
    var asked: [Int: Int] = [:]
    for (pair, gap) in gaps(&random).enumerated() { asked[2 * (pairCount + gap)] = pair }

    var sequence = ProbeSequence(capacity: length)
    for (key, value) in zip(keys, values) {
      sequence.append(key)
      sequence.append(value)
    }
    for place in 2 * pairCount..<length {
      if let pair = asked[place] {
        sequence.append(keys[pair], target: values[pair])
      } else {
        sequence.append(fillsWithRandomTokens ? random.index(below: vocabularySize) : 0)
      }
    }
    return sequence
  }

  /// A different distance for each pair, counted from 0.
  private func gaps(_ random: inout RandomSource) -> [Int] {
    var weights = (1...(length - 2 * pairCount) / 2).map { pow(Double($0), power - 1) }
    return (0..<pairCount).map { _ in
      var rest = random.nextDouble() * weights.reduce(0, +)
      var chosen = weights.lastIndex { $0 > 0 } ?? 0
      for (gap, weight) in weights.enumerated() where weight > 0 {
        rest -= weight
        if rest < 0 {
          chosen = gap
          break
        }
      }
      weights[chosen] = 0
      return chosen
    }
  }
}
