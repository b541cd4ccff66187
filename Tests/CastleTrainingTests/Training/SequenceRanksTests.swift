import CastleCluster
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTraining
import Foundation
import Testing

/// Runs whose ranks share the tokens of the same sequences, here threads of one process.
@Suite struct SequenceRanksTests {
  private let small: SmallRun

  init() throws { small = try SmallRun() }

  private static let settings = [
    "training.batch-size=5", "training.accumulation=2", "training.sequence-length=23", "model.heads=3",
  ]

  @discardableResult
  private func train(
    _ run: String, ranks: Int, _ settings: [String] = [], resumes: Bool = false,
    isInterrupted: @escaping SmallRun.RankInterrupt = { _, _ in false }
  ) throws -> [[Float]] {
    try small.train(
      run, ranks: ranks, Self.settings + settings, resumes: resumes, isInterrupted: isInterrupted)
  }

  /// Ranks, and how many of them share sequences.
  @Test(arguments: [[2, 2], [3, 3], [4, 2], [6, 3]])
  func ranksTrainWhatOneProcessTrains(ranks: [Int]) throws {
    let sequenceRanks = ["training.sequence-ranks=\(ranks[1])"]
    try train("one", ranks: 1)
    let weights = try train("many", ranks: ranks[0], sequenceRanks)
    for other in weights.dropFirst() { #expect(other == weights[0]) }
    #expect(try small.lossDifference("many", "one") < 1e-5)
    // The same ranks give the same bits.
    #expect(try train("again", ranks: ranks[0], sequenceRanks) == weights)
    #expect(try small.metrics("again") == small.metrics("many"))
  }

  /// More ranks than KV heads: each has panels of keys.
  @Test func panelsTrainWhatOneProcessTrains() throws {
    let settings = [
      "model.heads=2", "model.kv-heads=1", "training.sequence-length=130", "training.batch-size=2",
      "training.accumulation=1", "training.steps=8",
    ]
    try train("one", ranks: 1, settings)
    let weights = try train("many", ranks: 6, settings + ["training.sequence-ranks=3"])
    for other in weights.dropFirst() { #expect(other == weights[0]) }
    #expect(try small.lossDifference("many", "one") < 1e-5)
  }

  @Test func aRunGoesOnWithOtherGroups() throws {
    let settings = ["model.preset=1m-castle-swl", "model.window=5", "training.recompute=true"]
    try train("whole", ranks: 1, settings)
    for (index, (ranks, shared)) in [(4, 2), (3, 3), (1, 1), (2, 2)].enumerated() {
      try train(
        "parts", ranks: ranks, settings + ["training.sequence-ranks=\(shared)"], resumes: index > 0
      ) { rank, question in index < 3 && rank == ranks - 1 && question > 3 }
    }
    #expect(try small.lossDifference("parts", "whole") < 1e-5)
  }

  @Test func groupsScoreProbes() throws {
    for shared in 1...2 {
      let yaml = """
        seed: 5
        output: \(small.path("probe-\(shared)"))
        data: {probe: {kind: lookahead-recall, pairs: 3, items: 6, labels: 3}}
        model: {preset: 1m-castle, layers: 1, hidden-size: 32, heads: 2, head-size: 8}
        training: {steps: 4, batch-size: 4, sequence-ranks: \(shared)}
        evaluation: {every: 2, tokens: 140}
        """
      let configuration = try TrainingConfiguration(yaml: yaml, source: "probe.yaml")
      _ = try ThreadCommunicator.run(ranks: shared) { communicator in
        try Trainer(
          configuration, resumes: false, backend: CPUBackend(threads: 1), communicator: communicator,
          progress: SilentProgress()
        ) { false }.run()
      }
    }
    #expect(try small.lossDifference("probe-2", "probe-1") < 1e-5)
  }

  private func refusal(_ settings: [String], ranks: Int) -> String {
    message {
      let configuration = try small.configuration("refused", settings)
      _ = try TrainingPlan(configuration, world: World(rank: 0, size: ranks))
    }
  }

  @Test func whatCannotBeSharedIsRefused() throws {
    #expect(
      refusal(["training.sequence-ranks=3"], ranks: 4).hasPrefix(
        "training.sequence-ranks is 3, but there are 4 ranks"))
    #expect(
      refusal(["training.sequence-ranks=2"], ranks: 1).hasPrefix(
        "training.sequence-ranks is 2, but there is one process"))
    #expect(
      refusal(["training.sequence-ranks=2"], ranks: 6).hasPrefix(
        "training.batch-size is 2, too few for 3 groups of 2 ranks"))
    #expect(
      refusal(["training.sequence-ranks=4", "training.sequence-length=3"], ranks: 4).hasPrefix(
        "training.sequence-ranks is 4, but sequences have 3 tokens"))
    #expect(
      refusal(["training.sequence-ranks=4"], ranks: 4).hasPrefix(
        "training.sequence-ranks is 4, more than the model's 2 KV heads, and sequences have 24 tokens"))
    let shifted = ["model.preset=1m-causal", "model.key-value-shift=true", "training.sequence-length=256"]
    #expect(refusal(shifted + ["training.sequence-ranks=4"], ranks: 4).contains("model.key-value-shift"))
    #expect(refusal(["training.sequence-ranks=0"], ranks: 1).contains("training.sequence-ranks"))
  }

  /// Activations are those of the tokens and heads of a rank; the rest does not change.
  @Test func ranksShareTheActivations() throws {
    func memory(_ shared: Int) throws -> PlannedMemory {
      let settings = [
        "training.batch-size=1", "training.sequence-length=900", "model.heads=4", "model.layers=4",
        "training.sequence-ranks=\(shared)",
      ]
      let configuration = try small.configuration("memory", settings)
      return try TrainingPlan(configuration, world: World(rank: 0, size: shared)).memory
    }
    let (one, four) = (try memory(1), try memory(4))
    #expect(four.weights == one.weights && four.moments <= one.moments / 4 + 8)
    #expect(four.activations < one.activations / 2)
  }
}
