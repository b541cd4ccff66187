import CastleTensors

/// Fuzzy in-context recall (Poli et al., "Mechanistic Design and Scaling of Hybrid Architectures", 2024).
///
/// As in-context recall, but keys and values are motifs of 1 to ``motifLength`` different tokens. The last
/// token of the vocabulary fills the beginning. The last pair has occurred before. For training, keys have
/// any length; where they are scored, all have ``motifLength`` tokens, so that their end can be told. Scored
/// are the values of keys that have occurred; a model is trained on all tokens.
struct FuzzyRecallProbe: Probe {
  var vocabularySize: Int
  var length: Int
  var motifLength: Int

  private struct Pair: Hashable {
    var key: [Int]
    var value: [Int]
    var count: Int { key.count + value.count }
  }

  private var keyCount: Int { (vocabularySize - 1) / 2 }

  func sequence(_ random: inout RandomSource, isTraining: Bool) -> ProbeSequence {
    let longest = 2 * motifLength
    let asked = Pair(key: key(&random, isTraining: isTraining), value: value(&random))
    // Pairs are drawn until there is room for no more but the last; one of them is the pair that is asked.
    let end = length + 1 - asked.count - longest
    let place = random.index(below: end - longest + 1)
    var pairs: [Pair] = []
    var values: [[Int]: [Int]] = [asked.key: asked.value]
    var isAskedIn = false
    var count = 0
    while count < end {
      var pair = asked
      if isAskedIn || count < place {
        pair.key = key(&random, isTraining: isTraining)
        pair.value = values[pair.key] ?? value(&random)
        values[pair.key] = pair.value
      }
      isAskedIn = isAskedIn || pair.key == asked.key
      pairs.append(pair)
      count += pair.count
    }
    let sequence = join(pairs + [asked])
    return isTraining ? sequence.learningEverySuccessor : sequence
  }

  /// The pairs behind each other, filled up at the beginning. What follows the last token is not read.
  private func join(_ pairs: [Pair]) -> ProbeSequence {
    var tokens: [Int] = []
    var targets: [Int?] = []
    var seen: Set<[Int]> = []
    for pair in pairs {
      let isKnown = !seen.insert(pair.key).inserted
      for token in pair.key + pair.value {
        targets.append(nil)
        tokens.append(token)
      }
      guard isKnown else { continue }
      for (index, token) in pair.value.enumerated() {
        targets[targets.count - pair.value.count - 1 + index] = token
      }
    }
    var sequence = ProbeSequence(capacity: length)
    for _ in tokens.count..<length + 1 { sequence.append(vocabularySize - 1) }
    for (token, target) in zip(tokens, targets).dropLast() { sequence.append(token, target: target) }
    return sequence
  }

  private func key(_ random: inout RandomSource, isTraining: Bool) -> [Int] {
    let count = isTraining ? 1 + random.index(below: motifLength) : motifLength
    return random.distinct(count, below: keyCount)
  }

  private func value(_ random: inout RandomSource) -> [Int] {
    let count = 1 + random.index(below: motifLength)
    return random.distinct(count, below: vocabularySize - 1 - keyCount).map { $0 + keyCount }
  }
}
