import CastleTensors

/// Memorization (Poli et al., "Mechanistic Design and Scaling of Hybrid Architectures", 2024).
///
/// A map from keys to values is the same in all sequences. A sequence is key, question, key, question, …,
/// where the question is the last token of the vocabulary; in its place the key's value should follow.
/// Nothing in the sequence tells it: the weights have to.
struct MemorizationProbe: Probe {
  let vocabularySize: Int
  let length: Int

  /// The value of each key.
  let values: [Int]

  /// A task whose map `seed` determines.
  init(vocabularySize: Int, length: Int, seed: UInt64) {
    self.vocabularySize = vocabularySize
    self.length = length
    let keyCount = (vocabularySize - 1) / 2
    var random = RandomSource(seed: seed)
    values = random.distinct(keyCount, below: vocabularySize - 1 - keyCount).map { $0 + keyCount }
  }

  func sequence(_ random: inout RandomSource, isTraining: Bool) -> ProbeSequence {
    var sequence = ProbeSequence(capacity: length)
    for _ in 0..<length / 2 {
      let key = random.index(below: values.count)
      sequence.append(key)
      sequence.append(vocabularySize - 1, target: values[key])
    }
    return sequence
  }
}
