import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
import Testing

struct TrainerFaultTests {
  private let small: SmallRun

  init() throws { small = try SmallRun() }

  @Test func lossesThatAreNotFiniteStopWithTheStepAndTheCheckpoint() throws {
    let text = message {
      _ = try small.trainer("a", ["optimizer.learning-rate=1e30", "checkpoints.every=1"]).run()
    }
    #expect(text.contains("step 2: the loss is") && text.contains("the gradient of model."), "\(text)")
    #expect(text.contains("checkpoints/step-00000001") && text.contains("learning-rate"), "\(text)")
  }

  @Test func aSecondTrainerOnOneFolderIsRefused() throws {
    let first = try small.trainer("a")
    for resumes in [true, false] {
      let text = message { _ = try small.trainer("a", resumes: resumes) }
      #expect(text.contains("is in use by another castle process"), "\(text)")
    }
    #expect(try first.run() == .finished)
  }

  @Test func aRunIsNotOverwritten() throws {
    _ = try small.trainer("a").run()
    let text = message { _ = try small.trainer("a") }
    #expect(text.contains("holds a run already; continue it with the resume option"), "\(text)")
  }

  @Test func settingsOfARunThatCannotGoOnAreNotTakenOver() throws {
    _ = try small.trainer("a").run()
    try AtomicFile.write(small.metrics("a").utf8.dropLast(100), path: small.path("a/metrics.jsonl"))
    let text = message { _ = try small.trainer("a", ["training.steps=14"], resumes: true) }
    #expect(text.contains("metrics.jsonl does not hold the records"), "\(text)")
    #expect(try TrainingConfiguration(path: small.path("a/config.yaml")).training.steps == 12)
  }

  @Test(arguments: [
    "seed=9", "training.sequence-length=12", "model.hidden-size=48", "data.separates-documents=false",
  ])
  func whatDecidesTheNumbersCannotChange(override: String) throws {
    _ = try small.trainer("a").run()
    let text = message { _ = try small.trainer("a", [override], resumes: true) }
    #expect(text.contains("when this run began and cannot become"), "\(text)")
  }

  @Test func aFinishedRunCanBeExtended() throws {
    _ = try small.trainer("a").run()
    let progress = RecordingProgress()
    _ = try small.trainer("a", ["training.steps=14"], resumes: true, progress: progress).run()
    #expect(progress.steps == [13, 14])
    #expect(progress.notes.contains { $0.contains("training.steps from 12 to 14") })
    // Half a cosine down to a tenth of the peak; with 14 steps it would not be at its end yet.
    #expect(
      progress.notes.contains { $0.contains("the learning rate goes from 1.00e-03 at step 12 to 1.15e-03") },
      "\(progress.notes)")
  }

  @Test func aRateThatDoesNotJumpIsNotTold() throws {
    #expect(try small.stepOfInterrupt("a", ["evaluation.every=0"], afterSteps: 5) == 5)
    let progress = RecordingProgress()
    _ = try small.trainer("a", resumes: true, progress: progress).run()
    #expect(!progress.notes.contains { $0.contains("learning rate") }, "\(progress.notes)")
  }

  @Test func anotherMachineIsSaid() throws {
    _ = try small.trainer("a", threads: 1).run()
    let progress = RecordingProgress()
    func notes() -> [String] { progress.notes.filter { $0.contains("may differ in their last bits") } }
    _ = try small.trainer("a", ["training.steps=13"], resumes: true, threads: 1, progress: progress).run()
    #expect(notes().isEmpty)
    _ = try small.trainer("a", ["training.steps=14"], resumes: true, threads: 2, progress: progress).run()
    #expect(notes().count == 1)
    #expect(
      notes().allSatisfy { $0.contains(/goes on with .*2 threads.*; before it was .*1 thread,/) },
      "\(notes())")
    _ = try small.trainer("a", ["training.steps=15"], resumes: true, threads: 2, progress: progress).run()
    #expect(notes().count == 1)
  }

  @Test func aCheckpointThatDoesNotKnowItsMachineLoads() throws {
    _ = try small.trainer("a").run()
    let folder = "a/checkpoints/step-00000012/"
    let text = try small.folder.text(folder + "training.json")
    let lines = text.split(separator: "\n").filter { !$0.contains("\"machine\"") }
    try #require(lines.joined(separator: "\n") != text)
    let path = small.path(folder + "training.json")
    let hash = try Digest.sha256(ofFile: path)
    try AtomicFile.write(lines.joined(separator: "\n").utf8, path: path)
    let sums = try small.folder.text(folder + "SHA256SUMS")
    try AtomicFile.write(
      sums.replacing(hash, with: try Digest.sha256(ofFile: path)).utf8,
      path: small.path(folder + "SHA256SUMS"))
    let trainer = try small.trainer("a", ["training.steps=13"], resumes: true)
    #expect(try trainer.run() == .finished && trainer.state.machine != nil)
  }

  @Test func resumingAFinishedRunDoesNothing() throws {
    _ = try small.trainer("a").run()
    let before = try small.metrics("a")
    #expect(try small.trainer("a", resumes: true).run() == .finished)
    #expect(try small.metrics("a") == before)
  }

  @Test func aDamagedCheckpointIsSaidAndTheOneBeforeIsUsed() throws {
    _ = try small.trainer("straight").run()
    _ = try small.trainer("a").run()
    let path = small.path("a/checkpoints/step-00000012/training.safetensors")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let progress = RecordingProgress()
    _ = try small.trainer("a", resumes: true, progress: progress).run()
    #expect(progress.notes.contains { $0.contains("step-00000012/training.safetensors is damaged") })
    #expect(progress.steps.first == 10)
    #expect(try small.metrics("a") == small.metrics("straight"))
  }

  @Test func anInterruptAfterDamageLosesNothing() throws {
    let settings = ["evaluation.every=0", "checkpoints.keep=3"]
    _ = try small.trainer("straight", settings).run()
    _ = try small.trainer("a", settings).run()
    for step in ["09", "12"] {
      try Data().write(
        to: URL(fileURLWithPath: small.path("a/checkpoints/step-000000\(step)/model.safetensors")))
    }
    let fewer = ["evaluation.every=0", "checkpoints.keep=1"]
    #expect(try small.stepOfInterrupt("a", fewer, resumes: true, afterSteps: 1) == 7)
    let progress = RecordingProgress()
    _ = try small.trainer("a", settings, resumes: true, progress: progress).run()
    #expect(progress.steps.first == 8)
    #expect(try small.metrics("a") == small.metrics("straight"))
  }

  @Test(arguments: [true, false])
  func aShardThatChangesDuringTheRunStopsItAndNothingIsLost(isRemoved: Bool) throws {
    _ = try small.trainer("straight").run()
    let shard = small.shards + "/train_000000.bin"
    let original = try Data(contentsOf: URL(fileURLWithPath: shard))
    let progress = RecordingProgress(afterStep: { step in
      guard step == 5 else { return }
      try FileManager.default.removeItem(atPath: shard)
      if !isRemoved { try Data(original.dropLast(10)).write(to: URL(fileURLWithPath: shard)) }
    })
    let text = message { _ = try small.trainer("a", progress: progress).run() }
    #expect(text.contains("train_000000.bin") && text.contains("use the resume option"), "\(text)")
    try original.write(to: URL(fileURLWithPath: shard))
    _ = try small.trainer("a", resumes: true).run()
    #expect(try small.metrics("a") == small.metrics("straight"))
  }

  @Test func aShardWithOtherBytesIsRefused() throws {
    let shard = small.shards + "/train_000000.bin"
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: shard)))
    bytes[1500] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: shard))
    #expect(message { _ = try small.trainer("a") }.contains("train_000000.bin was changed"))
  }

  @Test func anotherTextIsRefusedOnResume() throws {
    _ = try small.trainer("a").run()
    try SmallCorpus.prepare(small.folder, name: "other", seed: 2)
    let text = message { _ = try small.trainer("a", ["data.shards=\(small.path("other"))"], resumes: true) }
    #expect(text.contains("is not the text that"), "\(text)")
  }

  /// The second needs more bytes for its activations than can be counted.
  @Test(arguments: [
    ["model.layers=4", "model.hidden-size=65536", "model.intermediate-size=1048576"],
    [
      "model.layers=1000", "model.hidden-size=4", "model.heads=4096", "model.head-size=4096",
      "training.batch-size=65536",
      "training.sequence-length=900",
    ],
  ])
  func aRunThatCannotFitIsRefusedWithTheNumbers(settings: [String]) throws {
    let text = message { _ = try small.trainer("a", settings) }
    #expect(text.contains("the run needs") && text.contains("are free; lower training.batch-size"), "\(text)")
    #expect(!FileManager.default.fileExists(atPath: small.path("a")))
  }

  @Test func theRefusalCanBecomeANote() throws {
    let settings = ["model.layers=4", "model.hidden-size=65536", "model.intermediate-size=1048576"]
    func plan(_ more: String...) throws -> TrainingPlan {
      try TrainingPlan(small.configuration("a", settings + more))
    }
    var notes: [String] = []
    #expect(throws: InputError.self) { try plan().checkMemory { notes.append($0) } }
    #expect(notes.isEmpty)
    try plan("training.check-memory=false").checkMemory { notes.append($0) }
    #expect(notes.count == 1 && notes[0].contains("the run needs"), "\(notes)")
  }

  @Test func aPromptThatTheModelCannotReadIsRefusedBeforeTheRun() throws {
    let prompt = String(repeating: "lo ", count: 400)
    let text = message { _ = try small.trainer("a", ["samples.every=6", "samples.prompts=[hi, \(prompt)]"]) }
    #expect(
      text.contains("samples.prompts: prompt 2 has 1200 tokens, but the model reads at most 1024"), "\(text)")
    #expect(!FileManager.default.fileExists(atPath: small.path("a")))
    _ = try small.trainer("a", ["samples.every=0", "samples.prompts=[\(prompt)]"])
  }

  @Test func aTextThatCannotBeEvaluatedOnIsRefusedBeforeTheRun() {
    let missing = message { _ = try small.trainer("a", ["evaluation.sets.other=no/such"]) }
    #expect(missing.contains("no/such"), "\(missing)")
    let short = message { _ = try small.trainer("a", ["evaluation.tokens=1"]) }
    #expect(short.contains("validation has 1 tokens; evaluation needs at least 2"), "\(short)")
    #expect(!FileManager.default.fileExists(atPath: small.path("a")))
  }

  @Test func aTextShorterThanASequenceIsRefused() throws {
    let text = message { _ = try small.trainer("a", ["training.sequence-length=2000"]) }
    #expect(text.contains("too few for a sequence of 2000"), "\(text)")
  }
}
