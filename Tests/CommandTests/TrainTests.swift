import CastleMeasurement
import Foundation
import Testing

struct TrainTests {
  private struct Report: Decodable {
    var steps: Int
    var finished: Bool
    var model: String?
    var evaluations: [String: Evaluation]
  }

  private struct Evaluation: Decodable {
    var loss: Double
    var perplexity: Double
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var bits_per_byte: Double?
    var tokens: Int
  }

  private struct Comparison: Decodable {
    struct Run: Decodable {
      var tokens: Int
      var differences: [String: Double]
    }
    var runs: [Run]
  }

  private func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
  }

  @Test func trainEvaluateAndCompare() throws {
    let text = try TrainingText()
    let report = try decode(Report.self, try CastleProcess.output(text.training("a", "--json")))
    #expect(report.finished && report.steps == 40)
    let model = try #require(report.model)
    let trained = try #require(report.evaluations["validation"])

    let evaluation = ["evaluate", "--model", model, "--data", text.shards, "--json"]
    let evaluated = try decode(Evaluation.self, try CastleProcess.output(evaluation))
    #expect(abs(evaluated.loss - trained.loss) < 1e-5)
    #expect(evaluated.tokens == trained.tokens)
    let shorter = try decode(Evaluation.self, try CastleProcess.output(evaluation + ["--length", "8"]))
    #expect(shorter.loss > evaluated.loss && shorter.tokens == evaluated.tokens)
    let joined = try decode(Evaluation.self, try CastleProcess.output(evaluation + ["--join-documents"]))
    #expect(joined.loss != evaluated.loss)
    let part = evaluation + ["--tokens", "100", "--batch-size", "3"]
    #expect(try decode(Evaluation.self, try CastleProcess.output(part)).tokens == 99)
    let bits = try #require(trained.bits_per_byte)
    #expect(abs(try #require(evaluated.bits_per_byte) - bits) < 1e-5)
    let shard =
      ["evaluate", "--model", model, "--data", try text.shard(ofValidation: true)] + evaluation[5...]
    let ofShard = try decode(Evaluation.self, try CastleProcess.output(shard))
    #expect(ofShard.bits_per_byte == evaluated.bits_per_byte)

    let file = ["evaluate", "--model", model, "--data", text.folder.path("source.txt"), "--json"]
    #expect(try decode(Evaluation.self, try CastleProcess.output(file)).loss < 4)

    _ = try CastleProcess.output(text.training("b", "--set", "seed=4"))
    let page = text.folder.path("page.html")
    let runs = [text.folder.path("a"), text.folder.path("b")]
    let comparison = try decode(
      Comparison.self, try CastleProcess.output(["compare"] + runs + ["--output", page, "--json"]))
    #expect(comparison.runs.map(\.tokens) == [40 * 256, 40 * 256])
    #expect(comparison.runs[1].differences["validation"] != 0)
    #expect(try text.folder.text("page.html").contains("<svg"))
  }

  @Test func aDryRunPrintsThePlanAndMakesNothing() throws {
    let text = try TrainingText()
    let output = try CastleProcess.output(text.training("a", "--dry-run"))
    #expect(output.contains("parameters") && output.contains("memory") && output.contains("10,240"))
    #expect(!FileManager.default.fileExists(atPath: text.folder.path("a")))
  }

  @Test func aDryRunFindsWhatWouldEndTheRunLater() throws {
    let text = try TrainingText()
    let prompt = String(repeating: "red ", count: 300)
    for (setting, word) in [
      ("evaluation.sets.a=nowhere", "nowhere"), ("evaluation.tokens=1", "at least 2"),
      ("samples={every: 1, prompts: [\(prompt)]}", "reads at most"),
      ("training.sequence-length=100000", "too few for a sequence"),
    ] {
      try CastleProcess.expectRefusal(text.training("a", "--dry-run", "--set", setting), naming: word)
    }
  }

  @Test func theLiveLineFitsTheTerminal() throws {
    let text = try TrainingText()
    let terminal = try Pseudoterminal(columns: 60)
    let run = try BackgroundRun(
      text.training("a", "--set", "training.steps=200"), standardError: terminal.handle)
    var shown = ""
    run.wait(for: "the end") {
      shown += terminal.read()
      return false
    }
    #expect(try run.end().exitCode == 0)
    shown += terminal.read()
    let lines = shown.components(separatedBy: "\r\u{1b}[2K").dropFirst()
      .map { $0.prefix { !$0.isNewline } }
    let steps = lines.filter { $0.contains("/200") }
    #expect(!steps.isEmpty && steps.allSatisfy { $0.count <= 59 && $0.contains("eta") }, "\(steps)")
    #expect(shown.contains("saved " + text.folder.path("a")))
  }

  @Test func settingsAreListed() throws {
    let output = try CastleProcess.output(["train", "--settings"])
    #expect(output.contains("training.steps") && output.contains("optimizer.learning-rate-factors.mlp"))
    try CastleProcess.expectRefusal(["train", "--settings", "--set", "training.steps=7"], naming: "--set")
  }

  @Test func badInputIsNamed() throws {
    let text = try TrainingText()
    try CastleProcess.expectRefusal(
      text.training("a", "--set", "training.stepps=3"), naming: "training.steps")
    try CastleProcess.expectRefusal(text.training("a", "--set", "data.shards=/no/such"), naming: "/no/such")
    try CastleProcess.expectRefusal(text.training("a", "--set", "model.preset=huge"), naming: "huge", "1m")
    try CastleProcess.expectRefusal(["train", "--config", "/no/such.yaml"], naming: "/no/such.yaml")
    try CastleProcess.expectRefusal(["train"], naming: "output is not set", "as in --set output=runs/first")
    try CastleProcess.expectRefusal(
      text.training("a", "--set", "training.steps=1.5"),
      naming: "--set training.steps=1.5: training.steps is '1.5'")
    try CastleProcess.expectRefusal(["compare", text.folder.path], naming: text.folder.path)
    try CastleProcess.expectRefusal(
      ["evaluate", "--model", "/no/model", "--data", text.shards], naming: "/no/model")
    try CastleProcess.expectRefusal(["train", "--config", "x", "--threads", "0"], naming: "--threads")
  }

  @Test func settingsAreNamedAsTheyAreGiven() throws {
    let text = try TrainingText()
    try CastleProcess.expectRefusal(
      text.training("a", "--set", "model.head-size=3"),
      naming: "model.head-size is 3, rotary positions need an even size")
    try CastleProcess.expectRefusal(
      ["evaluate", "--model", text.folder.path("a"), "--data", text.shards], naming: "no config.json")
  }

  /// The default warm-up fits a short run.
  @Test func aShortRunNeedsNoFurtherSettings() throws {
    let tiny = try TinyModel.shared.get()
    let folder = try TemporaryFolder()
    let settings = TinyModel.settings(shards: tiny.shards, output: folder.path("run"), steps: 3)
    let shortened = zip(settings, settings.dropFirst() + [""]).filter {
      $0.1 != "schedule.warm-up=0" && $0.0 != "schedule.warm-up=0"
    }
    _ = try CastleProcess.output(["train", "--threads", "1"] + shortened.map(\.0))
  }

  @Test func aFolderThatIsNoRunIsNotTouched() throws {
    let text = try TrainingText()
    try text.folder.write("mine", to: "a/model/config.json")
    for extra in [[], ["--resume"]] {
      try CastleProcess.expectRefusal(text.training("a") + extra, naming: "holds model")
    }
    #expect(try text.folder.text("a/model/config.json") == "mine")
  }

  @Test func aRunIsNotResumedIntoAnotherFolder() throws {
    let text = try TrainingText()
    let settings = text.training("a").map { $0.hasPrefix("output=") ? "output=a" : $0 }
    _ = try CastleProcess.output(settings, folder: text.folder.path)
    let elsewhere = try TemporaryFolder()
    let resume = ["train", "--config", text.folder.path("a/config.yaml"), "--resume"]
    let result = try CastleProcess.run(resume, folder: elsewhere.path)
    #expect(result.exitCode == 1 && result.errorOutput.contains("output=" + text.folder.path("a")))
    #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere.path).isEmpty)
    _ = try CastleProcess.output(resume, folder: text.folder.path)
  }

  @Test func anExistingRunIsNotOverwritten() throws {
    let text = try TrainingText()
    _ = try CastleProcess.output(text.training("a"))
    try CastleProcess.expectRefusal(
      text.training("a"),
      naming: "holds a run already; continue it with --resume, or choose another folder with",
      "--set output=…")
  }

  @Test func aRunBranchesFromACheckpointOfAnother() throws {
    let text = try TrainingText()
    _ = try CastleProcess.output(text.training("trunk", "--set", "checkpoints.permanent-every=20"))
    let checkpoint = text.folder.path("trunk/checkpoints/step-00000020")
    let branch = text.training("branch", "--resume-from", checkpoint, "--set", "training.steps=24", "--json")
    let report = try decode(Report.self, try CastleProcess.output(branch))
    #expect(report.finished && report.steps == 24)
    #expect(try text.metrics("branch").hasPrefix("{\"step\":21,"))
    try CastleProcess.expectRefusal(
      text.training("c", "--resume-from", text.folder.path), naming: "is no checkpoint of a run")
  }

  @Test func aPageThatCannotBeWrittenIsNamed() throws {
    let text = try TrainingText()
    _ = try CastleProcess.output(text.training("a"))
    let page = text.folder.path("source.txt/page.html")
    try CastleProcess.expectRefusal(
      ["compare", text.folder.path("a"), "--output", page], naming: page)
  }
}
