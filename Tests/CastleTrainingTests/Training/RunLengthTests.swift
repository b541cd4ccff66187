import CastleCorpus
import CastleFormats
import CastleTraining
import Foundation
import Testing

/// How long a run is, and which checkpoints it leaves.
struct RunLengthTests {
  private let small: SmallRun

  init() throws { small = try SmallRun() }

  @Test func tokensAndEpochsMakeWholeSteps() throws {
    let plan = try TrainingPlan(small.configuration("a", ["training.tokens=49"]))
    #expect(plan.steps == 2 && plan.totalTokens == 96)
    let text = try PreparedCorpus(folder: small.shards)
    let count = try TokenSequences(shards: text.training.shards, length: 24).count
    let epochs = try TrainingPlan(small.configuration("a", ["training.epochs=1.5"]))
    #expect(epochs.steps == Int((1.5 * Double(count) / 2).rounded(.up)))
    #expect(throws: InputError.self) {
      try TrainingPlan(small.configuration("a", ["training.epochs=1e30"]))
    }
    let error = #expect(throws: InputError.self) {
      try TrainingPlan(small.configuration("a", ["training.epochs=0.001"]))
    }
    #expect(error?.description.contains("schedule.warm-up is 2, more than the run's steps") == true)
  }

  @Test func aRunOfEpochsSeesTheTextThatOften() throws {
    let trainer = try small.trainer("a", ["training.epochs=0.5"])
    _ = try trainer.run()
    #expect(trainer.state.step == trainer.plan.steps)
    let last = try small.metrics("a").split(separator: "\n").last { $0.contains("\"epoch\"") }
    #expect(try #require(last).contains("\"epoch\":0.5"), "\(last ?? "")")
  }

  private static let hopeless = [
    "evaluation.every=2", "evaluation.patience=2", "evaluation.minimum-improvement=100",
    "checkpoints.every=0",
  ]

  /// The last step of a run, which must end by itself, and whether it stopped early.
  private func lastStep(
    _ run: String, _ settings: [String], resumes: Bool = false, progress: RecordingProgress = .init()
  ) throws -> (step: Int, stopsEarly: Bool) {
    let trainer = try small.trainer(run, settings, resumes: resumes, progress: progress)
    #expect(try trainer.run() == .finished)
    return (trainer.state.step, trainer.stopsEarly)
  }

  /// Nothing improves by as much as is asked for after the first evaluation.
  @Test func aRunWithoutImprovementStopsEarly() throws {
    let progress = RecordingProgress()
    #expect(try lastStep("a", Self.hopeless, progress: progress) == (6, true))
    #expect(progress.notes.contains { $0.hasPrefix("stopping early after step 6") }, "\(progress.notes)")
    #expect(progress.saves.last == 6)
    #expect(FileManager.default.fileExists(atPath: small.path("a/model/model.safetensors")))
    #expect(try lastStep("a", Self.hopeless, resumes: true) == (6, true))
    #expect(try lastStep("a", Self.hopeless + ["evaluation.patience=3"], resumes: true) == (8, true))
  }

  @Test(arguments: [3, 8])
  func anInterruptDoesNotChangeWhenARunStops(afterQuestions limit: Int) throws {
    _ = try small.trainer("straight", Self.hopeless).run()
    var questions = 0
    let outcome = try small.trainer("broken", Self.hopeless) {
      questions += 1
      return questions > limit
    }.run()
    #expect(outcome == .interrupted)
    #expect(try lastStep("broken", Self.hopeless, resumes: true) == (6, true))
    #expect(try small.metrics("broken") == small.metrics("straight"))
  }

  @Test func aRunThatImprovesDoesNotStop() throws {
    #expect(try lastStep("a", ["evaluation.patience=1"]) == (12, false))
  }

  @Test func permanentCheckpointsStay() throws {
    let settings = ["checkpoints.permanent-every=4", "checkpoints.keep=1", "checkpoints.best=false"]
    _ = try small.trainer("a", settings + ["training.steps=9"]).run()
    let store = CheckpointStore(run: small.path("a"))
    #expect(store.entries.map(\.step) == [9, 8, 4])
    _ = try small.trainer("a", ["checkpoints.best=false", "checkpoints.keep=1"], resumes: true).run()
    #expect(store.entries.map(\.step) == [12, 8, 4])
  }
}
