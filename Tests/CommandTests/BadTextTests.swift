import CastleMeasurement
import Foundation
import Testing

/// Commands that read text, shards or settings refuse what they cannot use.
struct BadTextTests {
  let tiny: TinyModel
  let folder: TemporaryFolder

  init() throws {
    tiny = try TinyModel.shared.get()
    folder = try TemporaryFolder()
  }

  @Test func anEmptyCorpus() throws {
    let empty = try folder.write("", to: "empty.txt")
    let output = folder.path("out")
    try CastleProcess.expectRefusal(
      ["prepare", "--tokenizer", tiny.tokenizer, "--output", output, empty], naming: "empty")
    try CastleProcess.expectRefusal(
      ["tokenizer", "train", "--output", output, empty], naming: "empty")
    try CastleProcess.expectRefusal(
      ["evaluate", "--model", tiny.model, "--data", empty], naming: empty)
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test func aMissingText() throws {
    let missing = folder.path("missing.txt")
    try CastleProcess.expectRefusal(
      ["prepare", "--tokenizer", tiny.tokenizer, "--output", folder.path("out"), missing], naming: missing)
    try CastleProcess.expectRefusal(
      ["evaluate", "--model", tiny.model, "--data", missing], naming: missing)
  }

  @Test func aShardThatIsCutOff() throws {
    let shards = folder.path("shards")
    try FileManager.default.copyItem(atPath: tiny.shards, toPath: shards)
    let shard = shards + "/train_000000.bin"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: shard))
    try bytes.dropLast(10).write(to: URL(fileURLWithPath: shard))
    try CastleProcess.expectRefusal(
      ["train"] + TinyModel.settings(shards: shards, output: folder.path("run"), steps: 1), naming: shard)
  }

  @Test(arguments: [
    "training.steps=-1", "training.steps=many", "training.stps=5", "optimizer.learning-rate=0",
    "model.head-size=0", "model.window=-1", "training.sequence-length=1",
  ])
  func anImpossibleSetting(setting: String) throws {
    let settings = TinyModel.settings(shards: tiny.shards, output: folder.path("run"), steps: 1)
    let key = try #require(setting.split(separator: "=").first)
    try CastleProcess.expectRefusal(["train"] + settings + ["--set", setting], naming: String(key))
  }

  @Test func anUnknownPreset() throws {
    let settings = TinyModel.settings(shards: tiny.shards, output: folder.path("run"), steps: 1)
    try CastleProcess.expectRefusal(
      ["train"] + settings + ["--set", "model.preset=9z-castle"], naming: "9z-castle", "10m")
  }

  @Test func aModelWithAnotherVocabularyThanTheShards() throws {
    let settings = TinyModel.settings(shards: tiny.shards, output: folder.path("run"), steps: 1)
    try CastleProcess.expectRefusal(
      ["train"] + settings + ["--set", "model.vocabulary-size=200"], naming: "200")
  }

  @Test(arguments: [["--window", "-1"], ["--window=-1"]])
  func aNegativeWindow(option: [String]) throws {
    try CastleProcess.expectRefusal(
      ["attention", "--input", "x", "--output", "y", "--mechanism", "castle-swl"] + option,
      naming: "window", "-1")
  }
}
