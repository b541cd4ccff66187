import Foundation
import Testing

/// Runs of the real program that are ended in every way that a process can be.
@Suite(.serialized)
struct TrainFaultTests {
  private static let isLong = ProcessInfo.processInfo.environment["CASTLE_LONG_TESTS"] != nil

  @Test func killedAtRandomMomentsAndResumedTheRunIsAnUninterruptedOne() throws {
    let (kills, steps) = Self.isLong ? (25, 150) : (5, 40)
    let settings = ["--set", "training.steps=\(steps)"]
    let text = try TrainingText()
    _ = try CastleProcess.output(text.training("straight") + settings, timeout: 300)
    var source = SystemRandomNumberGenerator()
    for number in 0..<kills {
      let isBegun = FileManager.default.fileExists(atPath: text.folder.path("broken/config.yaml"))
      let lines = text.metricsLineCount("broken")
      let run = try BackgroundRun(text.training("broken") + settings + (isBegun ? ["--resume"] : []))
      if number.isMultiple(of: 4) {
        // While it starts: a fast machine would be through with all steps after the longest of these times.
        let moment = Date(timeIntervalSinceNow: .random(in: 0...0.5, using: &source))
        run.wait(for: "its start") { Date() >= moment || text.metricsLineCount("broken") != lines }
      } else {
        // In training, an evaluation or a checkpoint.
        let goal = max(1, lines - 5) + Int.random(in: 0...9, using: &source)
        run.wait(for: "\(goal) lines") { text.metricsLineCount("broken") >= goal }
        Thread.sleep(forTimeInterval: .random(in: 0...0.03, using: &source))
      }
      run.signal(SIGKILL)
      #expect(try run.end().wasKilled, "kill \(number): the run had ended before")
    }
    _ = try CastleProcess.output(text.training("broken", "--resume") + settings, timeout: 300)
    #expect(try text.metrics("broken") == text.metrics("straight"))
    #expect(try text.weights("broken") == text.weights("straight"))
    #expect(try text.checkpoints("broken") == text.checkpoints("straight"))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func anInterruptSavesEndsWithSuccessAndLosesNothing(signal: Int32) throws {
    let text = try TrainingText()
    let settings = ["--set", "training.steps=100000", "--set", "checkpoints.every=0"]
    let run = try BackgroundRun(text.training("run") + settings)
    run.wait(for: "a few steps") { text.metricsLineCount("run") >= 5 }
    run.signal(signal)
    let ended = try run.end()
    #expect(ended.exitCode == 0 && !ended.wasKilled, "\(ended)")
    let rows = try text.metrics("run").split(separator: "\n").filter { $0.contains("\"loss\"") }
    let newest = try text.checkpoints("run").compactMap { Int($0.dropFirst("step-".count)) }.max()
    #expect(newest == rows.count)
  }

  @Test func anInterruptDuringAnEvaluationSavesAndTheEvaluationIsMadeUpFor() throws {
    let text = try TrainingText(extraDocuments: 1500)
    let settings = [
      "--set", "training.steps=2", "--set", "schedule.warm-up=0", "--set", "evaluation.every=1", "--set",
      "evaluation.sets={extra: \(text.extra)}",
    ]
    _ = try CastleProcess.output(text.training("straight") + settings)
    let run = try BackgroundRun(text.training("run") + settings)
    run.wait(for: "the first step") { text.metricsLineCount("run") >= 1 }
    run.signal(SIGTERM)
    let ended = try run.end()
    #expect(ended.exitCode == 0 && ended.errorOutput.contains("saved after step 1"), "\(ended)")
    #expect(text.metricsLineCount("run") == 1, "the evaluation was over before the signal came")
    _ = try CastleProcess.output(text.training("run", "--resume") + settings)
    #expect(try text.metrics("run") == text.metrics("straight"))
    #expect(try text.weights("run") == text.weights("straight"))
  }

  @Test func aSecondTrainerOnTheFolderIsRefused() throws {
    let text = try TrainingText()
    let first = try BackgroundRun(text.training("run", "--set", "training.steps=100000"))
    first.wait(for: "the first step") { text.metricsLineCount("run") >= 1 }
    try CastleProcess.expectRefusal(
      text.training("run", "--resume"), naming: "in use by another castle process", "\(first.identifier)")
    let lines = text.metricsLineCount("run")
    first.wait(for: "the first trainer to go on") { text.metricsLineCount("run") > lines }
    first.signal(SIGTERM)
    #expect(try first.end().exitCode == 0)
  }
}
