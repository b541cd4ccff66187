import CastleFormats

extension ProbeSettings {
  /// The task that these settings describe. `seed` determines what all its sequences share.
  ///
  /// - Throws: ``InputError`` if a size does not fit the others.
  package func probe(seed: UInt64) throws -> any Probe {
    guard let kind else { preconditionFailure("no probe") }
    try checkKeys(of: kind)
    let usual = Self.usual(kind)
    let length = length ?? usual.length
    let vocabulary = vocabularySize ?? usual.vocabulary
    switch kind {
    case .lookaheadRecall:
      let probe = LookaheadRecallProbe(
        pairCount: pairs ?? usual.count, itemCount: items ?? 32, labelCount: labels ?? usual.count)
      try require(
        "pairs", probe.pairCount, to: min(probe.itemCount, probe.labelCount),
        because: "every pair has an item and a label of its own")
      return probe
    case .multiQueryRecall:
      let pairs = pairs ?? usual.count
      try requireEven(length)
      try require("vocabulary-size", vocabulary, from: 4)
      try require(
        "pairs", pairs, to: vocabulary / 2 - 1,
        because: "every pair has a key of its own")
      try require(
        "length", length, from: 4 * pairs,
        because: "\(pairs) pairs and as many questions need room")
      return MultiQueryRecallProbe(
        vocabularySize: vocabulary, length: length, pairCount: pairs, power: power ?? 0.01,
        fillsWithRandomTokens: fillsWithRandomTokens ?? false)
    case .inContextRecall:
      try requireEven(length)
      try require("length", length, from: 4)
      try require("vocabulary-size", vocabulary, from: 2)
      return InContextRecallProbe(vocabularySize: vocabulary, length: length)
    case .noisyRecall:
      let noisy = noiseVocabularySize ?? usual.count
      try requireEven(length)
      try require("length", length, from: 4)
      try require(
        "vocabulary-size", vocabulary, from: noisy + 2,
        because: "\(noisy) of the tokens are noise")
      return InContextRecallProbe(
        vocabularySize: vocabulary, length: length, noiseVocabularySize: noisy, noise: noise ?? 0.2)
    case .fuzzyRecall:
      let motif = motifLength ?? usual.count
      try require(
        "motif-length", motif, to: (vocabulary - 1) / 2,
        because:
          "the tokens of a key differ, and a vocabulary of \(vocabulary) has \((vocabulary - 1) / 2) for keys"
      )
      try require("vocabulary-size", vocabulary, from: 3)
      try require(
        "length", length, from: 6 * motif,
        because: "there must be room for three pairs")
      return FuzzyRecallProbe(vocabularySize: vocabulary, length: length, motifLength: motif)
    case .selectiveCopying:
      let copies = copies ?? usual.count
      try require("vocabulary-size", vocabulary, from: 3)
      try require(
        "length", length, from: 2 * copies + 2,
        because: "\(copies) tokens and their copies need room")
      return SelectiveCopyingProbe(vocabularySize: vocabulary, length: length, copyCount: copies)
    case .memorization:
      try requireEven(length)
      try require("vocabulary-size", vocabulary, from: 3)
      return MemorizationProbe(vocabularySize: vocabulary, length: length, seed: seed)
    case .flipFlop:
      try requireEven(length)
      try require("length", length, from: 4)
      return FlipFlopProbe(length: length, ignore: ignore ?? 0.8)
    }
  }

  /// The number of sequences to train on; 0: there is no end to them.
  var trainingSequences: Int { sequences ?? kind.map { Self.usual($0).sequences } ?? 0 }

  /// The published sizes; of mqar the smallest ones with a vocabulary of 1 024 in place of 8 192, of
  /// flip-flop a length of 128 in place of 512, which take minutes on two cores.
  private static func usual(
    _ kind: ProbeKind
  ) -> (length: Int, vocabulary: Int, count: Int, sequences: Int) {
    switch kind {
    case .lookaheadRecall: (0, 0, 8, 0)
    case .multiQueryRecall: (64, 1024, 4, 100_000)
    case .inContextRecall: (128, 16, 0, 12_800)
    case .fuzzyRecall: (128, 16, 3, 12_800)
    case .noisyRecall: (128, 32, 16, 12_800)
    case .selectiveCopying: (256, 16, 16, 12_800)
    case .memorization: (32, 256, 0, 256)
    case .flipFlop: (128, 0, 0, 0)
    }
  }

  /// Refuses sizes that the task does not have: they would do nothing.
  private func checkKeys(of kind: ProbeKind) throws {
    let own: [String] =
      switch kind {
      case .lookaheadRecall: ["pairs", "items", "labels"]
      case .multiQueryRecall: ["length", "vocabulary-size", "pairs", "power", "random-filling"]
      case .inContextRecall, .memorization: ["length", "vocabulary-size"]
      case .noisyRecall: ["length", "vocabulary-size", "noise-vocabulary-size", "noise"]
      case .fuzzyRecall: ["length", "vocabulary-size", "motif-length"]
      case .selectiveCopying: ["length", "vocabulary-size", "copies"]
      case .flipFlop: ["length", "ignore"]
      }
    let known = ["kind", "sequences"] + own
    for setting in Self.settings where !known.contains(setting.name) && !setting.node(self).isNull {
      throw InputError(
        subject: "data.probe.\(setting.name)", problem: "is set, but \(kind.rawValue) has none",
        remedy: "leave it out; there are \(known.dropFirst().joined(separator: ", "))")
    }
  }

  private func requireEven(_ length: Int) throws {
    guard length.isMultiple(of: 2) else {
      throw InputError(
        subject: "data.probe.length", problem: "is \(length), but tokens come in pairs",
        remedy: "make it even")
    }
  }

  private func require(
    _ key: String, _ value: Int, from low: Int = 1, to high: Int = Self.mostTokens,
    because reason: ErrorText? = nil
  ) throws {
    guard value < low || value > high else { return }
    throw InputError(
      subject: "data.probe.\(key)",
      problem: "is \(value), it must be from \(low) to \(max(low, high))" + (reason.map { ": \($0)" } ?? ""))
  }
}
