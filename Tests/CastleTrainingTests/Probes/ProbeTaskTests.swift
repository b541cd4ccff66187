import CastleFormats
import CastleTensors
import CastleTraining
import Testing

/// The sequences of every probe follow its definition, and whoever knows the rule answers all of them.
struct ProbeTaskTests {
  /// Small sizes beside the usual ones.
  private static let tasks: [(kind: String, sizes: String)] = [
    ("lookahead-recall", ""), ("lookahead-recall", "pairs: 3, items: 6, labels: 3"),
    ("mqar", ""), ("mqar", "vocabulary-size: 20, length: 16, pairs: 4"),
    ("mqar", "random-filling: true, power: 1"),
    ("in-context-recall", ""), ("in-context-recall", "vocabulary-size: 2, length: 4"),
    ("fuzzy-recall", ""), ("fuzzy-recall", "vocabulary-size: 7, length: 18, motif-length: 3"),
    ("noisy-recall", ""), ("noisy-recall", "noise: 0.9, length: 64"),
    ("selective-copying", ""), ("selective-copying", "vocabulary-size: 3, length: 6, copies: 2"),
    ("memorization", ""), ("memorization", "vocabulary-size: 9, length: 2"),
    ("flip-flop", ""), ("flip-flop", "ignore: 0, length: 4"),
  ]

  private func source(_ kind: String, _ sizes: String = "", seed: UInt64 = 3) throws -> any Probe {
    try ProbeSettings(kind: kind, sizes: sizes).probe(seed: seed)
  }

  private func sequences(
    _ probe: any Probe, _ count: Int = 200, isTraining: Bool = false
  ) -> [ProbeSequence] {
    var random = RandomSource(seed: 11)
    return (0..<count).map { _ in probe.sequence(&random, isTraining: isTraining) }
  }

  @Test(arguments: tasks)
  func sequencesHaveTheirLengthAndVocabulary(kind: String, sizes: String) throws {
    let probe = try source(kind, sizes)
    for isTraining in [true, false] {
      for sequence in sequences(probe, 50, isTraining: isTraining) {
        #expect(sequence.tokens.count == probe.length && sequence.targets.count == probe.length)
        #expect(sequence.tokens.allSatisfy { (0..<Int32(probe.vocabularySize)).contains($0) })
        #expect(sequence.targets.allSatisfy { (-1..<Int32(probe.vocabularySize)).contains($0) })
        #expect(sequence.targets.contains { $0 >= 0 })
      }
    }
  }

  @Test(arguments: tasks)
  func whoeverKnowsTheRuleIsAlwaysRight(kind: String, sizes: String) throws {
    let settings = try ProbeSettings(kind: kind, sizes: sizes)
    let probe = try settings.probe(seed: 3)
    var oracle = ProbeOracle(kind: kind, vocabularySize: probe.vocabularySize, settings: settings)
    // What memorization asks for cannot be told from a sequence: the oracle learns it from others.
    sequences(probe, 2000).forEach { oracle.learn($0) }
    var count = 0
    for sequence in sequences(probe) {
      for (place, target) in sequence.targets.enumerated() where target >= 0 {
        #expect(oracle.answer(sequence.tokens[...place]) == target, "\(kind) at \(place): \(sequence)")
        count += 1
      }
    }
    #expect(count >= 200)
  }

  /// What the model has to predict in training is what stands there, or what is scored.
  @Test(arguments: tasks)
  func trainingAsksForWhatIsScoredToo(kind: String, sizes: String) throws {
    for sequence in sequences(try source(kind, sizes), 50, isTraining: true) where kind.contains("recall") {
      guard !["lookahead-recall"].contains(kind) else { continue }
      for place in sequence.tokens.indices.dropLast() {
        #expect(sequence.targets[place] == sequence.tokens[place + 1])
      }
    }
  }

  @Test func everyKeyOfMQARIsAskedOnce() throws {
    let probe = try source("mqar")
    for sequence in sequences(probe) {
      let tokens = sequence.tokens.map { Int($0) }
      let keys = stride(from: 0, to: 8, by: 2).map { tokens[$0] }
      let values = stride(from: 1, to: 8, by: 2).map { tokens[$0] }
      #expect(Set(keys).count == 4 && keys.allSatisfy { (1..<512).contains($0) })
      #expect(Set(values).count == 4 && values.allSatisfy { (512..<1024).contains($0) })
      let asked = sequence.targets.indices.filter { sequence.targets[$0] >= 0 }
      #expect(asked.map { tokens[$0] }.sorted() == keys.sorted())
      #expect(asked.allSatisfy { $0 >= 8 && $0.isMultiple(of: 2) })
      #expect((8..<64).allSatisfy { asked.contains($0) || tokens[$0] == 0 })
    }
  }

  /// The distance of a question falls as a power law: near ones come often.
  @Test func questionsOfMQARComeSoonMoreOftenThanLate() throws {
    let probe = try source("mqar", "pairs: 1")
    let places = sequences(probe, 2000).map { $0.targets.firstIndex { $0 >= 0 }! }
    // With a = 0.01 the nearest of 31 places has 1 / Σ g^−0.99, about a quarter.
    let share = Double(places.count { $0 == 2 }) / 2000
    #expect(share > 0.2 && share < 0.3, "\(share)")
  }

  @Test func aFifthOfNoisyRecallIsNoise() throws {
    let tokens = sequences(try source("noisy-recall"), 300).flatMap(\.tokens)
    let share = Double(tokens.count { $0 >= 16 }) / Double(tokens.count)
    #expect(share > 0.17 && share < 0.22, "\(share)")
    #expect(sequences(try source("in-context-recall"), 50).flatMap(\.tokens).max() == 15)
  }

  @Test func theLastPairOfFuzzyRecallHasOccurredBefore() throws {
    for isTraining in [false, true] {
      for sequence in sequences(try source("fuzzy-recall"), 300, isTraining: isTraining) {
        let tokens = sequence.tokens.map { Int($0) }
        let text = tokens.drop { $0 == 15 }
        #expect(!text.contains(15))
        let lastKey = text.end { $0 >= 7 }.startIndex
        let key = text[..<lastKey].end { $0 < 7 }
        let before = Array(text[..<key.startIndex])
        let occurs = before.indices.contains { before[$0...].starts(with: key) }
        #expect(occurs, "\(tokens)")
      }
    }
  }

  @Test func selectiveCopyingEndsWithRoomForTheCopy() throws {
    for sequence in sequences(try source("selective-copying"), 100) {
      #expect(sequence.tokens[239] == 15 && sequence.tokens[240...].allSatisfy { $0 == 14 })
      #expect(sequence.tokens[..<239].count { $0 < 14 } == 16 && sequence.tokens[238] < 14)
      #expect(sequence.targets[240...] == sequence.tokens[..<239].filter { $0 < 14 }[...])
    }
  }

  @Test func flipFlopBeginsWithWriteAndIgnoresAsOftenAsAsked() throws {
    for ignore in [0.1, 0.8, 0.98] {
      let all = sequences(try source("flip-flop", "ignore: \(ignore)"), 300)
      #expect(
        all.allSatisfy { $0.tokens[0] == 2 && $0.tokens[126] == 4 && $0.tokens[127] == $0.targets[126] })
      let between = all.flatMap { $0.tokens[2..<126] }.filter { $0 > 1 }
      let share = Double(between.count { $0 == 3 }) / Double(between.count)
      #expect(abs(share - ignore) < 0.02, "\(share)")
    }
  }

  @Test(arguments: [
    ("mqar", "length: 63", "data.probe.length is 63"),
    ("mqar", "length: 12", "must be from 16"),
    ("mqar", "pairs: 600, length: 4000", "data.probe.pairs is 600"),
    ("mqar", "items: 3", "data.probe.items is set, but mqar has none"),
    ("mqar", "pairs: 0", "pairs is '0', which is not from 1"),
    ("lookahead-recall", "labels: 4", "data.probe.pairs is 8, it must be from 1 to 4"),
    ("lookahead-recall", "length: 20", "length is set, but lookahead-recall has none"),
    ("noisy-recall", "vocabulary-size: 16", "16 of the tokens are noise"),
    ("noisy-recall", "noise: 1", "noise is '1'"),
    ("fuzzy-recall", "length: 17", "room for three pairs"),
    ("fuzzy-recall", "motif-length: 8", "has 7 for keys"),
    ("selective-copying", "copies: 128", "must be from 258"),
    ("selective-copying", "copies: 1048576", "it must be from 2097154"),
    ("memorization", "vocabulary-size: 2", "must be from 3"),
    ("flip-flop", "ignore: 2", "ignore is '2'"),
    ("flip-flip", "", "one of lookahead-recall, mqar"),
  ])
  func sizesThatDoNotFitAreNamed(kind: String, sizes: String, words: String) {
    let error = #expect(throws: InputError.self) { try source(kind, sizes) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }
}

extension ProbeSettings {
  /// The section `data.probe` of a configuration.
  init(kind: String, sizes: String) throws {
    let probe = "{kind: \(kind)\(sizes.isEmpty ? "" : ", " + sizes)}"
    self = try TrainingConfiguration(yaml: "output: x\ndata: {probe: \(probe)}", source: "probe.yaml").data
      .probe
  }
}

extension BidirectionalCollection {
  /// The longest end all of whose elements meet `condition`.
  fileprivate func end(_ condition: (Element) -> Bool) -> SubSequence {
    var start = endIndex
    while start > startIndex, condition(self[index(before: start)]) { start = index(before: start) }
    return self[start...]
  }
}
