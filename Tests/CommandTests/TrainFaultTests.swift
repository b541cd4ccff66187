import CastleConsole
import CastleMeasurement
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

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func anInterruptSavesEndsWithSuccessAndLosesNothing(signal: Int32) throws {
    let text = try TrainingText()
    let settings = ["--set", "training.steps=100000", "--set", "checkpoints.every=0"]
    let run = try Self.start(text.training("run") + settings, ignoringHangUps: false)
    run.wait(for: "a few steps") { text.metricsLineCount("run") >= 5 }
    run.signal(signal)
    if signal == SIGHUP {
      // Two that come together would be one.
      Thread.sleep(forTimeInterval: 0.002)
      run.signal(signal)
    }
    let ended = try run.end()
    #expect(ended.exitCode == 0 && !ended.wasKilled, "\(ended)")
    try expectNothingLost(text)
  }

  /// `make` and containers signal a whole group of processes, and then each of them once more.
  @Test(arguments: [SIGINT, SIGTERM])
  func repeatsOfASignalAreOne(signal: Int32) throws {
    let text = try TrainingText()
    let run = try BackgroundRun(
      text.training("run", "--set", "training.steps=100000", "--set", "checkpoints.every=0"))
    run.wait(for: "a few steps") { text.metricsLineCount("run") >= 5 }
    for _ in 0..<3 {
      run.signal(signal)
      // Two that come together would be one.
      Thread.sleep(forTimeInterval: 0.002)
    }
    let ended = try run.end()
    #expect(ended.exitCode == 0 && !ended.wasKilled, "\(ended)")
    try expectNothingLost(text)
  }

  /// On a process that waits for its input, and so does not end at a request.
  @Test func onlyALaterCtrlCEndsAtOnce() throws {
    let folder = try TemporaryFolder()
    let pipe = folder.path("pipe")
    try #require(mkfifo(pipe, 0o600) == 0)
    let run = try BackgroundRun([
      "prepare", "--tokenizer", try TinyModel.shared.get().tokenizer, "--output", folder.path("out"), pipe,
    ])
    var writer: Int32 = -1
    run.wait(for: "the reader of the pipe") {
      writer = open(pipe, O_WRONLY | O_NONBLOCK)
      return writer >= 0
    }
    defer { close(writer) }
    for signal in [SIGTERM, SIGTERM, SIGINT, SIGINT] {
      run.signal(signal)
      Thread.sleep(forTimeInterval: 0.02)
    }
    Thread.sleep(forTimeInterval: 1.2)
    run.signal(SIGTERM)
    Thread.sleep(forTimeInterval: 0.05)
    #expect(run.isRunning)
    run.signal(SIGINT)
    #expect(try run.end().exitCode == 130)
  }

  @Test func withoutATerminalFromTheStartItsEndIsNoInterrupt() throws {
    let text = try TrainingText()
    let run = try Self.start(text.training("run", "--set", "training.steps=100000"), ignoringHangUps: true)
    run.wait(for: "the first step") { text.metricsLineCount("run") >= 1 }
    run.signal(SIGHUP)
    let lines = text.metricsLineCount("run")
    run.wait(for: "further steps") { text.metricsLineCount("run") > lines + 20 }
    #expect(run.isRunning)
    run.signal(SIGTERM)
    #expect(try run.end().exitCode == 0)
  }

  enum StandardError: CaseIterable { case closedPipe, fullDisk }

  /// As with `castle train … 2>&1 | tee log`, where Ctrl-C ends both.
  @Test(
    .enabled("needs /dev/full") { FileManager.default.fileExists(atPath: "/dev/full") },
    arguments: StandardError.allCases)
  func aRunOutlivesTheReaderOfItsProgress(standardError: StandardError) throws {
    let text = try TrainingText()
    let settings = ["--set", "training.steps=100000", "--set", "checkpoints.every=0"]
    let pipe = Pipe()
    let handle =
      standardError == .closedPipe
      ? pipe.fileHandleForWriting : try #require(FileHandle(forWritingAtPath: "/dev/full"))
    try pipe.fileHandleForReading.close()
    let run = try BackgroundRun(text.training("run") + settings, standardError: handle)
    run.wait(for: "an evaluation and more") { text.metricsLineCount("run") >= 12 }
    run.signal(SIGINT)
    let ended = try run.end()
    #expect(ended.exitCode == 0 && !ended.wasKilled, "\(ended)")
    try expectNothingLost(text)

    let failed = try CastleProcess.run(["train", "--config", "/no/such"], errorFile: "/dev/full")
    #expect(failed.exitCode == 1 && !failed.wasKilled)
  }

  /// A test may itself run under `nohup`, and what it starts takes that over.
  private static func start(_ arguments: [String], ignoringHangUps: Bool) throws -> BackgroundRun {
    let before = Foundation.signal(SIGHUP, ignoringHangUps ? SIG_IGN : SIG_DFL)
    defer { _ = Foundation.signal(SIGHUP, before) }
    return try BackgroundRun(arguments)
  }

  /// The newest checkpoint is of the last step that was recorded.
  private func expectNothingLost(_ text: TrainingText) throws {
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
