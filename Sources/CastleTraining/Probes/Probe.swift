package import CastleTensors

/// A made-up task that asks for one ability: sequences of tokens, some of whose successors follow from what
/// came before.
package protocol Probe: Sendable {
  /// The number of token ids.
  var vocabularySize: Int { get }
  /// The number of tokens of a sequence.
  var length: Int { get }

  /// A sequence that `random` determines: one to train on, or one to be scored.
  ///
  /// What is scored can be told from the tokens up to its place. Where the published task trains on more than
  /// that, so does a sequence for training.
  func sequence(_ random: inout RandomSource, isTraining: Bool) -> ProbeSequence

  /// Further sequences to be scored that are drawn in another way, under the name of their set.
  var variants: [(name: String, probe: any Probe)] { get }
}

extension Probe {
  /// None.
  package var variants: [(name: String, probe: any Probe)] { [] }
}

/// A sequence of a probe.
package struct ProbeSequence: Sendable, Hashable {
  /// What the model reads.
  package var tokens: [Int32]
  /// What should follow each of ``tokens``; −1 where nothing is asked.
  package var targets: [Int32]

  /// Nothing yet.
  init(capacity: Int) {
    tokens = []
    targets = []
    tokens.reserveCapacity(capacity)
    targets.reserveCapacity(capacity)
  }

  /// Adds a token, and what should follow it.
  mutating func append(_ token: Int, target: Int? = nil) {
    tokens.append(Int32(token))
    targets.append(target.map { Int32($0) } ?? -1)
  }

  /// The same tokens with every known successor as a target.
  var learningEverySuccessor: ProbeSequence {
    var result = self
    for place in tokens.indices.dropLast() { result.targets[place] = tokens[place + 1] }
    return result
  }
}

extension RandomSource {
  /// A uniform whole number from 0 to `count` − 1.
  mutating func index(below count: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }

  /// `count` different numbers from 0 to `total` − 1, in random order: the beginning of a shuffle (Fisher and
  /// Yates) in which only what has moved is kept.
  mutating func distinct(_ count: Int, below total: Int) -> [Int] {
    var moved: [Int: Int] = [:]
    return (0..<count).map { place in
      let chosen = place + index(below: total - place)
      let value = moved[chosen] ?? chosen
      moved[chosen] = moved[place] ?? place
      return value
    }
  }
}
