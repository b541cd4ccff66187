import CastleTraining

/// Answers the questions of probes from what stands before them, by the published rules.
struct ProbeOracle {
  let kind: String
  let vocabularySize: Int
  let settings: ProbeSettings

  private var memory: [Int32: Int32] = [:]

  init(kind: String, vocabularySize: Int, settings: ProbeSettings) {
    self.kind = kind
    self.vocabularySize = vocabularySize
    self.settings = settings
  }

  /// Remembers what is the same in all sequences.
  mutating func learn(_ sequence: ProbeSequence) {
    guard kind == "memorization" else { return }
    for place in sequence.targets.indices where sequence.targets[place] >= 0 {
      memory[sequence.tokens[place - 1]] = sequence.targets[place]
    }
  }

  /// What should follow the last of `tokens`.
  func answer(_ tokens: ArraySlice<Int32>) -> Int32? {
    let tokens = Array(tokens)
    guard let last = tokens.last else { return nil }
    let before = tokens.dropLast()
    switch kind {
    case "lookahead-recall":
      return before.firstIndex(of: last).map { before[$0 - 1] }
    case "mqar":
      // Random tokens may look like a key; those of the pairs stand first.
      return before.firstIndex(of: last).map { tokens[$0 + 1] }
    case "in-context-recall", "noisy-recall":
      return stride(from: 0, to: tokens.count - 1, by: 2).first { tokens[$0] == last }.map { tokens[$0 + 1] }
    case "memorization":
      return memory[before.last ?? -1]
    case "selective-copying":
      let blank = Int32(vocabularySize - 2)
      guard let copy = tokens.firstIndex(of: blank + 1) else { return nil }
      return tokens[..<copy].filter { $0 < blank }[tokens.count - 2 - copy]
    case "flip-flop":
      return stride(from: 0, to: tokens.count - 1, by: 2).reversed().first { tokens[$0] == 2 }.map {
        tokens[$0 + 1]
      }
    default:
      return fuzzyAnswer(tokens)
    }
  }

  /// The key of the pair that has begun stands in an earlier pair, whose value goes on.
  private func fuzzyAnswer(_ tokens: [Int32]) -> Int32? {
    let keys = Int32((vocabularySize - 1) / 2)
    var pairs: [(key: [Int32], value: [Int32])] = []
    for token in tokens where token < vocabularySize - 1 {
      let isKey = token < keys
      if isKey, pairs.isEmpty || !pairs[pairs.count - 1].value.isEmpty { pairs.append(([], [])) }
      if isKey {
        pairs[pairs.count - 1].key.append(token)
      } else {
        pairs[pairs.count - 1].value.append(token)
      }
    }
    guard let own = pairs.popLast(), let known = pairs.first(where: { $0.key == own.key }) else { return nil }
    return own.value.count < known.value.count ? known.value[own.value.count] : nil
  }
}
