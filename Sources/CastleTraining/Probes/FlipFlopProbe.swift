import CastleTensors

/// The flip-flop language (Liu et al., "Exposing Attention Glitches with Flip-Flop Language Modeling", 2023).
///
/// A sequence is instruction, bit, instruction, bit, …: write, ignore or read. After read comes the bit that
/// was written last, which is scored; all other bits are random, and nobody could learn them. The first
/// instruction is write, the last one read. Each of the others is ignore with the probability ``ignore``, and
/// write or read with half of the rest.
///
/// Besides sequences like those of training, sparse ones (98 % ignore) and dense ones (10 %) are scored.
struct FlipFlopProbe: Probe {
  var length: Int
  var ignore: Double

  /// The tokens: the bits 0 and 1, and the instructions.
  enum Token {
    static let write = 2
    static let ignore = 3
    static let read = 4
    static let count = 5
  }

  var vocabularySize: Int { Token.count }

  var variants: [(name: String, probe: any Probe)] {
    [
      ("sparse", FlipFlopProbe(length: length, ignore: 0.98)),
      ("dense", FlipFlopProbe(length: length, ignore: 0.1)),
    ]
  }

  func sequence(_ random: inout RandomSource, isTraining: Bool) -> ProbeSequence {
    var state = 0
    var sequence = ProbeSequence(capacity: length)
    let count = length / 2
    for place in 0..<count {
      let draw = random.nextDouble()
      let bit = random.index(below: 2)
      var instruction = Token.ignore
      if draw >= ignore { instruction = draw < (1 + ignore) / 2 ? Token.write : Token.read }
      if place == 0 { instruction = Token.write }
      if place == count - 1 { instruction = Token.read }
      if instruction == Token.write { state = bit }
      if instruction == Token.read {
        sequence.append(instruction, target: state)
        sequence.append(state)
      } else {
        sequence.append(instruction)
        sequence.append(bit)
      }
    }
    return sequence
  }
}
