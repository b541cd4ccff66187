import CastleTensors

/// Selective copying (Poli et al., "Mechanistic Design and Scaling of Hybrid Architectures", 2024).
///
/// ``copyCount`` tokens stand among blanks, the token V − 2; then come the token V − 1, which asks for the
/// copy, and as many blanks as there are tokens to copy. In the places of these the tokens should follow, in
/// order.
struct SelectiveCopyingProbe: Probe {
  var vocabularySize: Int
  var length: Int
  var copyCount: Int

  func sequence(_ random: inout RandomSource, isTraining: Bool) -> ProbeSequence {
    let (blank, copy) = (vocabularySize - 2, vocabularySize - 1)
    let tokens = (0..<copyCount).map { _ in random.index(below: blank) }
    // Every blank stands before one of the tokens.
    var blanks = [Int](repeating: 0, count: copyCount)
    for _ in 0..<length - 2 * copyCount - 1 { blanks[random.index(below: copyCount)] += 1 }
    var sequence = ProbeSequence(capacity: length)
    for (token, count) in zip(tokens, blanks) {
      for _ in 0..<count { sequence.append(blank) }
      sequence.append(token)
    }
    sequence.append(copy)
    for token in tokens { sequence.append(blank, target: token) }
    return sequence
  }
}
