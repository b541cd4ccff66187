import Foundation
import Testing

/// Runs of the real program that are ended in every way that a process can be.
@Suite(.serialized)
struct TrainFaultTests {
  private static let isLong = ProcessInfo.processInfo.environment["CASTLE_LONG_TESTS"] != nil

  /// Starts training, sends `signal` after `seconds`, and returns how the process ended.
  private func interrupt(
    _ arguments: [String], with signal: Int32, after seconds: Double
  ) throws -> (status: Int32, wasKilled: Bool) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try CastleProcess.executablePath)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    Thread.sleep(forTimeInterval: seconds)
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    return (process.terminationStatus, process.terminationReason == .uncaughtSignal)
  }

  @Test func killedAtRandomMomentsAndResumedTheLossesAreThoseOfAnUninterruptedRun() throws {
    let text = try TrainingText()
    let start = ProcessInfo.processInfo.systemUptime
    _ = try CastleProcess.output(text.training("straight"), timeout: 300)
    let seconds = ProcessInfo.processInfo.systemUptime - start
    var source = SystemRandomNumberGenerator()
    var isBegun = false
    for _ in 0..<(Self.isLong ? 25 : 5) {
      let arguments = text.training("broken") + (isBegun ? ["--resume"] : [])
      _ = try interrupt(arguments, with: SIGKILL, after: Double.random(in: 0...seconds * 0.6, using: &source))
      isBegun = FileManager.default.fileExists(atPath: text.folder.path("broken/config.yaml"))
    }
    _ = try CastleProcess.output(text.training("broken", "--resume"), timeout: 300)
    #expect(try text.metrics("broken") == text.metrics("straight"))
    let names = try FileManager.default.contentsOfDirectory(atPath: text.folder.path("broken/checkpoints"))
    #expect(names.allSatisfy { $0.hasPrefix("step-") }, "\(names)")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func anInterruptSavesEndsWithSuccessAndLosesNothing(signal: Int32) throws {
    let text = try TrainingText()
    let settings = ["--set", "training.steps=100000", "--set", "checkpoints.every=0"]
    let ended = try interrupt(text.training("run") + settings, with: signal, after: 2)
    #expect(ended.status == 0 && !ended.wasKilled)
    let checkpoints = try FileManager.default.contentsOfDirectory(atPath: text.folder.path("run/checkpoints"))
    let rows = try text.metrics("run").split(separator: "\n").filter { $0.contains("\"loss\"") }
    let newest = checkpoints.compactMap { Int($0.dropFirst("step-".count)) }.max()
    #expect(newest == rows.count)
  }

  @Test func aSecondTrainerOnTheFolderIsRefused() throws {
    let text = try TrainingText()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try CastleProcess.executablePath)
    process.arguments = text.training("run", "--set", "training.steps=100000")
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    let deadline = Date(timeIntervalSinceNow: 60)
    while !FileManager.default.fileExists(atPath: text.folder.path("run/metrics.jsonl")), Date() < deadline {
      Thread.sleep(forTimeInterval: 0.05)
    }
    try CastleProcess.expectRefusal(
      text.training("run", "--resume"), naming: "in use by another castle process",
      "\(process.processIdentifier)")
  }

  /// Needs the right to mount a file system of a few megabytes.
  @Test(
    .enabled(if: Self.isLong && geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/bin/mount")))
  func aFullDiskLosesNothing() throws {
    let text = try TrainingText()
    _ = try CastleProcess.output(text.training("straight"))
    let disk = text.folder.path("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    try shell("/bin/mount", ["-t", "tmpfs", "-o", "size=5m", "tmpfs", disk])
    defer { try? shell("/bin/umount", [disk]) }

    try CastleProcess.expectRefusal(text.training("disk/run"), naming: "No space left", "step-000000")
    let names = try FileManager.default.contentsOfDirectory(atPath: disk + "/run/checkpoints")
    #expect(!names.isEmpty && names.allSatisfy { $0.hasPrefix("step-") }, "\(names)")
    try shell("/bin/mount", ["-o", "remount,size=100m", disk])
    _ = try CastleProcess.output(text.training("disk/run", "--resume"))
    #expect(try text.metrics("disk/run") == text.metrics("straight"))
  }

  private func shell(_ command: String, _ arguments: [String]) throws {
    let process = try Process.run(URL(fileURLWithPath: command), arguments: arguments)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(command) \(arguments.joined(separator: " "))")
  }
}
