import CastleCluster
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleTraining
import Foundation
import Testing

/// Runs whose work several ranks share, here threads of one process.
@Suite struct RanksTests {
  private let small: SmallRun

  init() throws { small = try SmallRun() }

  /// Batches of 5: no number of ranks but 1 and 5 divides them.
  private static let settings = ["training.batch-size=5", "training.accumulation=2"]

  /// Trains as `ranks` ranks and returns the weights of each.
  @discardableResult
  private func train(
    _ run: String, ranks: Int, _ settings: [String] = [], resumes: Bool = false,
    isInterrupted: @escaping SmallRun.RankInterrupt = { _, _ in false }
  ) throws -> [[Float]] {
    try small.train(
      run, ranks: ranks, Self.settings + settings, resumes: resumes, isInterrupted: isInterrupted)
  }

  @Test func oneRankIsASingleProcess() throws {
    let trainer = try small.trainer("alone", Self.settings)
    _ = try trainer.run()
    #expect(try train("one", ranks: 1) == [trainer.weights])
    #expect(try small.metrics("one") == small.metrics("alone"))
  }

  @Test(arguments: 2...4) func ranksTrainWhatOneProcessTrains(ranks: Int) throws {
    try train("one", ranks: 1)
    let weights = try train("many", ranks: ranks)
    for other in weights.dropFirst() { #expect(other == weights[0]) }
    #expect(try small.lossDifference("many", "one") < 1e-5)
    // The same ranks give the same bits.
    #expect(try train("again", ranks: ranks) == weights)
    #expect(try small.metrics("again") == small.metrics("many"))
  }

  /// Half the bytes, and losses that differ by what 8 bits of the gradients' mantissas make.
  @Test func gradientsTravelInHalfTheBytes() throws {
    try train("one", ranks: 1)
    try train("half", ranks: 3, ["training.gradient-format=bfloat16"])
    let difference = try small.lossDifference("half", "one")
    #expect(difference > 1e-7 && difference < 1e-2, "\(difference)")
    #expect(throws: InputError.self) { try train("other", ranks: 1, ["training.gradient-format=half"]) }
  }

  @Test func aRunGoesOnWithAnyNumberOfRanks() throws {
    try train("whole", ranks: 1)
    for (index, ranks) in [3, 1, 4, 2].enumerated() {
      // The second-to-last rank is asked to end; the first start makes steps 1 to 3, and so on.
      try train("parts", ranks: ranks, resumes: index > 0) { rank, question in
        index < 3 && rank == max(0, ranks - 2) && question > 3
      }
    }
    #expect(try small.lossDifference("parts", "whole") < 1e-5)
    #expect(FileManager.default.fileExists(atPath: small.path("parts/model/model.safetensors")))
  }

  @Test func aCheckpointDoesNotDependOnTheRanks() throws {
    try train("one", ranks: 1)
    try train("three", ranks: 3)
    func moments(_ run: String) throws -> [String: [Float]] {
      let file = try SafetensorsFile(
        path: small.path(run) + "/checkpoints/step-00000012/training.safetensors")
      return try Dictionary(uniqueKeysWithValues: file.names.map { ($0, try file.floats($0)) })
    }
    let (one, three) = (try moments("one"), try moments("three"))
    #expect(one.keys.sorted() == three.keys.sorted())
    for (name, values) in one {
      let scale = values.map(abs).max() ?? 0
      let error = zip(values, three[name] ?? []).map { abs($0 - $1) }.max() ?? .infinity
      #expect(error <= 1e-3 * scale, "\(name)")
    }
  }

  @Test func fewerSequencesThanRanksAreRefused() throws {
    #expect {
      try train("few", ranks: 3, ["training.batch-size=2"])
    } throws: {
      "\($0)".contains("training.batch-size is 2, too few for 3 ranks")
    }
  }

  @Test func aRankWithOtherSettingsIsNamed() throws {
    #expect {
      _ = try ThreadCommunicator.run(ranks: 3) { [small] communicator in
        let rate = communicator.world.rank == 2 ? "0.1" : "0.2"
        _ = try small.trainer(
          "other", ["training.batch-size=3", "optimizer.learning-rate=\(rate)"], communicator: communicator)
        return true
      }
    } throws: {
      "\($0)".hasPrefix("rank 2 on thread 2 has another configuration than rank 0")
    }
  }

  @Test func ranksShareTheMomentsAndTheActivations() throws {
    let configuration = try small.configuration("memory", ["training.batch-size=8"])
    let one = try TrainingPlan(configuration).memory
    let four = try TrainingPlan(configuration, world: World(rank: 1, size: 4, ranksOnHost: 2)).memory
    #expect(four.moments <= one.moments / 4 + 8)
    #expect(four.weights == one.weights && four.gradients == one.gradients)
    #expect(throws: InputError.self) { try four.check(available: 2 * four.toTake - 2) }
    try four.check(available: 2 * four.toTake)
  }

  /// Of P numbers, N ranks send P (N − 1) / N gradients and as many weights each.
  @Test(arguments: 2...4) func bytesOnTheWireAreThoseOfTheory(ranks: Int) throws {
    let counts = try ThreadCommunicator.run(ranks: ranks) { [small] communicator in
      let settings = Self.settings + ["evaluation.every=0", "checkpoints.every=0", "training.steps=2"]
      let trainer = try small.trainer("wire", settings, communicator: communicator)
      let before = communicator.bytesSent
      _ = try trainer.run()
      return (sent: communicator.bytesSent - before, parameters: trainer.model.layout.parameterCount)
    }
    let parameters = Double(counts[0].parameters)
    let theory = 2 * 2 * 4 * parameters * Double(ranks - 1)
    let sent = Double(counts.reduce(0) { $0 + $1.sent })
    // Besides, each rank sends some numbers of a step: targets, loss, norm, interruption, and the end's
    // evaluation.
    #expect(sent >= theory && sent < theory + 2_000 * Double(ranks * ranks), "\(sent) \(theory)")
  }
}
