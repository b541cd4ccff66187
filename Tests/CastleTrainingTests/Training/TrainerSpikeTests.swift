import CastleFormats
import CastleTraining
import Foundation
import Testing

struct TrainerSpikeTests {
  private let small: SmallRun

  init() throws { small = try SmallRun() }

  private static let settings = [
    "training.steps=145", "training.skip-spikes=0.5", "evaluation.every=0", "checkpoints.every=0",
    "schedule.kind=constant", "optimizer.learning-rate=1e-6",
  ]

  /// For each step that a run has recorded, whether its update was skipped.
  private func skips(_ run: String) throws -> [Bool] {
    try small.metrics(run).split(separator: "\n").filter { $0.contains("\"loss\"") }
      .map { $0.contains("\"skipped\":true") }
  }

  @Test func anUpdateIsSkippedWhereItIsRecordedSo() throws {
    var history: [[Float]] = []
    var trainer: Trainer?
    let progress = RecordingProgress(afterStep: { _ in history.append(trainer?.weights ?? []) })
    trainer = try small.trainer("a", Self.settings, progress: progress)
    history.append(try #require(trainer).weights)
    _ = try trainer?.run()
    let stays = zip(history, history.dropFirst()).map { $0 == $1 }
    let skips = try skips("a")
    #expect(stays == skips)
    #expect(skips.contains(true) && !skips.prefix(SpikeDetector.capacity).contains(true))
  }

  @Test func aLastingRiseIsTakenForUsualBeforeLong() throws {
    let settings = Self.settings + ["training.skip-spikes=2"]
    _ = try small.trainer("a", settings + ["training.steps=130"]).run()
    // One update at a far higher rate spoils the model, and with it every later loss.
    let progress = RecordingProgress()
    let rise = settings + ["training.steps=190", "optimizer.learning-rate=1"]
    _ = try small.trainer("a", rise, resumes: true, progress: progress).run()
    let skips = try skips("a").dropFirst(130)
    #expect(skips.filter { $0 }.count >= 20)
    #expect(skips.suffix(20).contains(false))
    #expect(progress.notes.contains { $0.contains("were all skipped") }, "\(progress.notes)")
  }

  @Test func aFullMemoryOfLossesIsSavedAndGoesOn() throws {
    _ = try small.trainer("straight", Self.settings).run()
    #expect(try small.stepOfInterrupt("broken", Self.settings, afterSteps: 135) == 135)
    _ = try small.trainer("broken", Self.settings, resumes: true).run()
    #expect(try small.metrics("broken") == small.metrics("straight"))
    #expect(try skips("broken").suffix(10).contains(true))
  }
}
