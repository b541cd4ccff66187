import CastleTensors

/// In-context recall, and with noise noisy in-context recall (Poli et al., "Mechanistic Design and Scaling of
/// Hybrid Architectures", 2024).
///
/// Of the tokens that are no noise, the first half are keys and the second values. A sequence is key, value,
/// key, value, …, in which every sequence has a random map of its own; a pair may be two random tokens of
/// noise instead. The last key has occurred before. Scored are the values of keys that have occurred; a model
/// is trained on all tokens.
struct InContextRecallProbe: Probe {
  var vocabularySize: Int
  var length: Int
  var noiseVocabularySize = 0
  var noise = 0.0

  func sequence(_ random: inout RandomSource, isTraining: Bool) -> ProbeSequence {
    let usual = vocabularySize - noiseVocabularySize
    let pairCount = length / 2
    let firstPair = random.index(below: pairCount - 1)
    var map: [Int: Int] = [:]
    // In the order of their first time: what a dictionary's order would choose differs between processes.
    var seen: [Int] = []
    var sequence = ProbeSequence(capacity: length)
    for pair in 0..<pairCount {
      let isLast = pair == pairCount - 1
      // One pair before the last is never noise, so that there is something to recall.
      if !isLast, pair != firstPair, noise > 0, random.nextDouble() < noise {
        for _ in 0..<2 { sequence.append(usual + random.index(below: noiseVocabularySize)) }
        continue
      }
      let key = isLast ? seen[random.index(below: seen.count)] : random.index(below: usual / 2)
      if let value = map[key] {
        sequence.append(key, target: value)
        sequence.append(value)
      } else {
        let value = usual / 2 + random.index(below: usual - usual / 2)
        map[key] = value
        seen.append(key)
        sequence.append(key)
        sequence.append(value)
      }
    }
    return isTraining ? sequence.learningEverySuccessor : sequence
  }
}
