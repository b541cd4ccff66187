import CastleMeasurement
import Foundation
import Testing

/// Runs of the real program on disks that are full and with files that change or are damaged.
@Suite(.serialized)
struct TrainDamageTests {
  private static let isLong = ProcessInfo.processInfo.environment["CASTLE_LONG_TESTS"] != nil

  @Test(
    .enabled("needs root, to mount a file system of a few megabytes; and CASTLE_LONG_TESTS") {
      isLong && geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/bin/mount")
    })
  func aFullDiskLosesNothing() throws {
    let text = try TrainingText()
    _ = try CastleProcess.output(text.training("straight"))
    let disk = text.folder.path("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    try shell("/bin/mount", ["-t", "tmpfs", "-o", "size=5m", "tmpfs", disk])
    defer { try? shell("/bin/umount", [disk]) }

    try CastleProcess.expectRefusal(text.training("disk/run"), naming: "No space left", "step-000000")
    let names = try text.checkpoints("disk/run")
    #expect(!names.isEmpty && names.allSatisfy { $0.hasPrefix("step-") }, "\(names)")
    let newest = text.folder.path("disk/run/checkpoints/\(names[names.count - 1])")
    _ = try CastleProcess.output(["evaluate", "--model", newest, "--data", text.shards])
    try shell("/bin/mount", ["-o", "remount,size=100m", disk])
    _ = try CastleProcess.output(text.training("disk/run", "--resume"))
    #expect(try text.metrics("disk/run") == text.metrics("straight"))
    #expect(try text.weights("disk/run") == text.weights("straight"))
  }

  enum Damage: CaseIterable { case flippedBit, truncation, emptyFile, missingFile }

  @Test(arguments: ["model.safetensors", "training.json"])
  func aDamagedCheckpointIsSaidAndTheOneBeforeIsUsed(file: String) throws {
    let text = try TrainingText()
    _ = try CastleProcess.output(text.training("whole"))
    for damage in Damage.allCases {
      let run = "\(damage)"
      try FileManager.default.copyItem(atPath: text.folder.path("whole"), toPath: text.folder.path(run))
      try resume(run, of: text, after: damage, to: file)
    }
  }

  private func resume(_ run: String, of text: TrainingText, after damage: Damage, to file: String) throws {
    let newest = try #require(try text.checkpoints(run).last)
    let path = text.folder.path("\(run)/checkpoints/\(newest)/\(file)")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    switch damage {
    case .flippedBit: bytes[bytes.count / 3] ^= 0x10
    case .truncation: bytes.removeLast(1 + bytes.count / 10)
    case .emptyFile: bytes = Data()
    case .missingFile: break
    }
    try FileManager.default.removeItem(atPath: path)
    if damage != .missingFile { try bytes.write(to: URL(fileURLWithPath: path)) }
    let resumed = try CastleProcess.run(text.training(run, "--resume"))
    #expect(resumed.exitCode == 0, "\(resumed)")
    let warning = resumed.errorOutput.split(separator: "\n").first { $0.contains("warning:") } ?? ""
    #expect(
      warning.contains("\(newest)/\(file)") && warning.contains("an older checkpoint is used"), "\(resumed)")
    #expect(try text.metrics(run) == text.metrics("whole"))
    #expect(try text.weights(run) == text.weights("whole"))
  }

  enum Change: CaseIterable { case removed, rewritten, cutShort, extended }

  @Test(arguments: isLong ? Change.allCases : [.rewritten, .cutShort], [false, true])
  func aShardThatChangesDuringTheRunIsNamedAndTheRunSaved(change: Change, isValidation: Bool) throws {
    let text = try TrainingText()
    let settings = ["--set", "training.steps=100000", "--set", "checkpoints.every=0"]
    let run = try BackgroundRun(text.training("run") + settings)
    run.wait(for: "a few steps") { text.metricsLineCount("run") >= 3 }
    let shard = try text.shard(ofValidation: isValidation)
    let original = try Data(contentsOf: URL(fileURLWithPath: shard))
    switch change {
    case .removed: try FileManager.default.removeItem(atPath: shard)
    case .cutShort: #expect(truncate(shard, 1024) == 0)
    case .rewritten, .extended:
      let handle = try #require(FileHandle(forUpdatingAtPath: shard))
      if change == .extended { try handle.seekToEnd() }
      try handle.write(contentsOf: Data([1, 2, 3]))
      try handle.close()
    }
    let ended = try run.end()
    #expect(ended.exitCode == 1 && !ended.wasKilled && ended.errorLines.count == 1, "\(ended)")
    let line = ended.errorLines.first ?? ""
    #expect(line.contains(shard) && line.contains("--resume"), "\(ended)")

    try CastleProcess.expectRefusal(text.training("run", "--resume") + settings, naming: shard)
    try original.write(to: URL(fileURLWithPath: shard))
    let saved = try #require(try text.checkpoints("run").last)
    let last = try #require(Int(saved.dropFirst("step-".count))) + 2
    _ = try CastleProcess.output(text.training("run", "--resume", "--set", "training.steps=\(last)"))
    let losses = try text.metrics("run").split(separator: "\n").filter { $0.contains("\"loss\"") }
    #expect(losses.count == last)
  }

  private func shell(_ command: String, _ arguments: [String]) throws {
    let process = try Process.run(URL(fileURLWithPath: command), arguments: arguments)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(command) \(arguments.joined(separator: " "))")
  }
}
