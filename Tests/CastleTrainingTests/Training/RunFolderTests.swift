import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
import Testing

/// Folders of runs that people have copied, emptied or mixed.
struct RunFolderTests {
  private let small: SmallRun
  private let manager = FileManager.default

  init() throws { small = try SmallRun() }

  private func notes(_ run: String, _ overrides: [String] = []) throws -> [String] {
    let progress = RecordingProgress()
    #expect(try small.trainer(run, overrides, resumes: true, progress: progress).run() == .finished)
    return progress.notes
  }

  /// `cp -rL run copy`: links become what they lead to.
  @Test func aCopyWithoutLinksGoesOn() throws {
    _ = try small.trainer("a", ["training.steps=16"]).run()
    let best = try manager.destinationOfSymbolicLink(atPath: small.path("a/best"))
    try manager.removeItem(atPath: small.path("a/best"))
    try manager.copyItem(atPath: small.path("a/" + best), toPath: small.path("a/best"))
    let told = try notes("a", ["training.steps=18"])
    #expect(!told.contains { $0.contains("warning") }, "\(told)")
    #expect(try manager.destinationOfSymbolicLink(atPath: small.path("a/best")).hasPrefix("checkpoints/"))
  }

  /// `rm run/*` leaves folders and hidden files.
  @Test func checkpointsThatAreLeftAreOfTheirRun() throws {
    _ = try small.trainer("a").run()
    for name in try small.folder.names(in: "a") where !["checkpoints", "model"].contains(name) {
      try manager.removeItem(atPath: small.path("a/" + name))
    }
    let checkpoints = try small.folder.names(in: "a/checkpoints")
    let other = message { _ = try small.trainer("a", ["seed=9"], resumes: true) }
    #expect(other.contains("seed was 7 when this run began and cannot become 9"), "\(other)")
    #expect(message { _ = try small.trainer("a", ["seed=9"]) }.contains("holds a run already"))
    #expect(try small.folder.names(in: "a/checkpoints") == checkpoints)
    let told = try notes("a", ["training.steps=14"])
    #expect(
      told.contains { $0.contains("metrics.jsonl is missing: it begins anew after step 12") }, "\(told)")
    #expect(try small.metrics("a").hasPrefix("{\"step\":13,"))
  }

  @Test func theCheckpointOfAnotherRunIsRefusedAndNothingIsCut() throws {
    _ = try small.trainer("a").run()
    _ = try small.trainer("b", ["training.steps=15"]).run()
    try manager.copyItem(
      atPath: small.path("b/checkpoints/step-00000015"), toPath: small.path("a/checkpoints/step-00000015"))
    let before = try small.metrics("a")
    let text = message { _ = try small.trainer("a", ["training.steps=20"], resumes: true) }
    #expect(text.contains("a/checkpoints/step-00000015 is a checkpoint of another run than"), "\(text)")
    #expect(try small.metrics("a") == before)
    // Without settings that name the run, the checkpoints contradict each other.
    try manager.removeItem(atPath: small.path("a/config.yaml"))
    let mixed = message { _ = try small.trainer("a", ["training.steps=20"], resumes: true) }
    #expect(mixed.contains("is a checkpoint of another run than"), "\(mixed)")
  }

  @Test func checkpointsAndSettingsAreEnoughToGoOn() throws {
    _ = try small.trainer("a").run()
    try manager.createDirectory(atPath: small.path("copy"), withIntermediateDirectories: true)
    for name in ["checkpoints", "config.yaml"] {
      try manager.copyItem(atPath: small.path("a/" + name), toPath: small.path("copy/" + name))
    }
    let told = try notes("copy", ["training.steps=14"])
    for name in ["metrics.jsonl", "timing.jsonl"] {
      #expect(
        told.contains { $0.contains("copy/\(name) is missing: it begins anew after step 12") }, "\(told)")
    }
    #expect(try small.metrics("copy").hasPrefix("{\"step\":13,"))
    // Nothing more is said once there are records again.
    #expect(try !notes("copy", ["training.steps=15"]).contains { $0.contains("missing") })
  }
}
