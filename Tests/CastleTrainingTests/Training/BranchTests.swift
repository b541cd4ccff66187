import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
import Testing

/// Runs that begin at a checkpoint of another run.
struct BranchTests {
  private let small: SmallRun
  private static let constant = ["schedule.kind=constant", "evaluation.every=0", "checkpoints.keep=9"]

  init() throws { small = try SmallRun() }

  private func steps(_ run: String) throws -> [Substring] {
    try small.metrics(run).split(separator: "\n").filter { $0.contains("\"loss\"") }
  }

  @Test func aBranchWithTheSameSettingsIsTheRunItself() throws {
    _ = try small.trainer("trunk", Self.constant).run()
    let trainer = try small.trainer("branch", Self.constant, from: "trunk/checkpoints/step-00000006")
    #expect(try trainer.run() == .finished)
    #expect(try steps("branch") == steps("trunk").suffix(6))
    #expect(
      try small.folder.bytes("branch/model/model.safetensors")
        == small.folder.bytes("trunk/model/model.safetensors"))
    #expect(trainer.state.origin?.hasSuffix("trunk/checkpoints/step-00000006") == true)
  }

  @Test func aBranchHasAScheduleAndALengthOfItsOwn() throws {
    _ = try small.trainer("trunk", Self.constant).run()
    let settings = [
      "evaluation.every=0", "schedule.kind=warm-up-stable-decay", "schedule.decay=3", "training.steps=9",
      "schedule.floor=0",
    ]
    _ = try small.trainer("branch", settings, from: "trunk/checkpoints/step-00000006").run()
    let branch = try steps("branch")
    #expect(branch.count == 3 && branch[0].contains("\"step\":7,"))
    #expect(try #require(branch.last).contains("\"learning_rate\":0.0,"))
    #expect(branch.map { $0.contains("\"loss\"") } == [true, true, true])
  }

  /// Even where the other run is gone.
  @Test func anInterruptedBranchIsResumedAsAnyRun() throws {
    _ = try small.trainer("trunk", Self.constant).run()
    let checkpoint = "trunk/checkpoints/step-00000003"
    _ = try small.trainer("straight", Self.constant, from: checkpoint).run()
    var questions = 0
    let outcome = try small.trainer("broken", Self.constant, from: checkpoint) {
      questions += 1
      return questions > 1
    }.run()
    #expect(outcome == .interrupted)
    try FileManager.default.removeItem(atPath: small.path("trunk"))
    _ = try small.trainer("broken", Self.constant, resumes: true, from: checkpoint).run()
    #expect(try small.metrics("broken") == small.metrics("straight"))
  }

  @Test func whatDecidesTheNumbersCannotChangeInABranch() throws {
    _ = try small.trainer("trunk", Self.constant).run()
    for (setting, words) in [
      ("training.batch-size=3", "training.batch-size was 2"), ("seed=9", "seed was 7"),
      ("training.steps=2", "has done 3 already"),
    ] {
      let error = #expect(throws: InputError.self) {
        try small.trainer("b", Self.constant + [setting], from: "trunk/checkpoints/step-00000003")
      }
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
  }

  @Test func aDamagedOrMissingCheckpointIsNamed() throws {
    _ = try small.trainer("trunk", Self.constant).run()
    let folder = "trunk/checkpoints/step-00000003"
    try Data().write(to: URL(fileURLWithPath: small.path(folder + "/model.safetensors")))
    for (place, words) in [(folder, "model.safetensors is damaged"), ("trunk", "is no checkpoint of a run")] {
      let error = #expect(throws: InputError.self) { try small.trainer("b", Self.constant, from: place) }
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
  }
}
