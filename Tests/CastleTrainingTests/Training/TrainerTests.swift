import CastleAttention
import CastleCorpus
import CastleEvaluation
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleReports
import CastleTensors
import CastleTokenizer
import CastleTraining
import Foundation
import Testing

struct TrainerTests {
  private let small: SmallRun

  init() throws { small = try SmallRun() }

  @Test(arguments: [1, 2])
  func sameSeedGivesTheSameBytes(threads: Int) throws {
    for run in ["a", "b"] { #expect(try small.trainer(run, threads: threads).run() == .finished) }
    #expect(try small.metrics("a") == small.metrics("b"))
    #expect(
      try small.folder.bytes("a/model/model.safetensors") == small.folder.bytes("b/model/model.safetensors"))
    _ = try small.trainer("c", ["seed=8"], threads: threads).run()
    #expect(try small.metrics("a") != small.metrics("c"))
  }

  @Test func theModelLearns() throws {
    let trainer = try small.trainer("a", ["training.steps=60", "checkpoints.every=0"])
    _ = try trainer.run()
    let losses = try RunHistory(folder: small.path("a")).steps.map(\.loss)
    #expect(abs(losses[0] - log(257)) < 0.3)
    #expect(try #require(losses.last) < 3)
    let validation = try #require(trainer.evaluations.first)
    #expect(validation.set == "validation" && validation.result.loss < 3)
    #expect(try #require(validation.result.bitsPerByte) > 0.5)
  }

  /// The run is interrupted at every possible place in turn: before each step and inside each evaluation and
  /// sample.
  @Test(arguments: 1...33)
  func interruptedAndResumedEqualsStraight(question: Int) throws {
    let settings = ["samples.every=6", "samples.prompts=[lo hi]", "samples.max-tokens=3"]
    _ = try small.trainer("straight", settings).run()
    var asked = 0
    let outcome = try small.trainer("broken", settings) {
      asked += 1
      return asked >= question
    }.run()
    if outcome == .interrupted {
      #expect(try small.trainer("broken", settings, resumes: true).run() == .finished)
    }
    for name in ["metrics.jsonl", "samples.jsonl", "model/model.safetensors"] {
      #expect(try small.folder.bytes("broken/" + name) == small.folder.bytes("straight/" + name))
    }
  }

  @Test func epochsAreRecorded() throws {
    let text = try PreparedCorpus(folder: small.shards)
    let sequences = try TokenSequences(shards: text.training.shards, length: 24).count
    _ = try small.trainer("a").run()
    let last = try small.metrics("a").split(separator: "\n").last {
      $0.contains("\"step\":12,") && $0.contains("\"loss\"")
    }
    #expect(try #require(last).contains("\"epoch\":\(24 / Double(sequences)),"), "\(last ?? "")")
  }

  @Test func accumulationOfHalvesEqualsTheWhole() throws {
    _ = try small.trainer("whole", ["training.batch-size=4"]).run()
    _ = try small.trainer("halves", ["training.batch-size=2", "training.accumulation=2"]).run()
    let losses = try ["whole", "halves"].map { try RunHistory(folder: small.path($0)).steps.map(\.loss) }
    for (whole, halves) in zip(losses[0], losses[1]) { #expect(abs(whole - halves) < 1e-4) }
  }

  @Test func aGroupWithFactorZeroDoesNotMove() throws {
    let frozen = ["optimizer.learning-rate-factors.embeddings=0"]
    let trainer = try small.trainer("a", frozen)
    func weights(_ name: String) throws -> [Float] {
      trainer.numbers(try #require(trainer.model.view(named: name)).flattened)
    }
    let names = ["model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight", "model.norm.weight"]
    let before = try names.map(weights)
    _ = try trainer.run()
    let after = try names.map(weights)
    #expect(before[0] == after[0])
    #expect(before[1] != after[1] && before[2] != after[2])
  }

  /// Each of the evaluations after steps 4, 8 and 12 has a lower loss than the one before.
  @Test(arguments: [
    ([], [3, 4, 6, 8, 9, 12]), (["checkpoints.every=0"], [4, 8, 12]),
    (["checkpoints.best=false"], [3, 6, 9, 12]),
    (["checkpoints.every=0", "checkpoints.best=false"], [12]),
  ])
  func checkpointsAreSavedWhenTheSettingsSay(settings: [String], steps: [Int]) throws {
    let progress = RecordingProgress()
    _ = try small.trainer("a", settings, progress: progress).run()
    #expect(progress.saves == steps)
    let keepsBest = !settings.contains("checkpoints.best=false")
    #expect(FileManager.default.fileExists(atPath: small.path("a/best")) == keepsBest)
  }

  @Test func severalSetsAreEvaluated() throws {
    try SmallCorpus.prepare(small.folder, name: "other", seed: 2)
    let trainer = try small.trainer("a", ["evaluation.sets.other=\(small.path("other"))"])
    _ = try trainer.run()
    #expect(trainer.evaluations.map(\.set) == ["validation", "other"])
    #expect(try small.metrics("a").contains("\"set\":\"other\""))
  }

  @Test func evaluationOnATrainingPartIsSaid() throws {
    try SmallCorpus.prepare(small.folder, name: "other", seed: 2, validationDocuments: 0)
    let progress = RecordingProgress()
    let trainer = try small.trainer(
      "a", ["evaluation.sets.other=\(small.path("other"))"], progress: progress)
    #expect(progress.notes.contains { $0.hasPrefix("other has no validation part") }, "\(progress.notes)")
    #expect(progress.notes.filter { $0.contains("no validation part") }.count == 1)
    _ = trainer
  }

  @Test func samplesAreWrittenAndRepeatable() throws {
    let settings = ["samples.every=6", "samples.prompts=[lo hi]", "samples.max-tokens=5"]
    let progress = RecordingProgress()
    _ = try small.trainer("a", settings, progress: progress).run()
    _ = try small.trainer("b", settings).run()
    #expect(progress.samples.count == 2)
    #expect(try small.folder.text("a/samples.jsonl") == small.folder.text("b/samples.jsonl"))
  }

  @Test func theRunFolderHoldsLoadableModels() throws {
    _ = try small.trainer("a").run()
    for name in ["model", "best", "checkpoints/step-00000012"] {
      let model = try LanguageModel(folder: small.path("a/" + name), backend: CPUBackend(threads: 1))
      #expect(model.configuration.vocabularySize == 257)
      #expect(model.configuration.endOfTextIDs == [256])
      #expect(try small.folder.bytes("a/\(name)/tokenizer.json") == small.folder.bytes("tokenizer.json"))
    }
    let again = try TrainingConfiguration(path: small.path("a/config.yaml"))
    #expect(try again.entries == small.configuration("a").entries)
  }

  @Test func trainingStartsFromAModelFolder() throws {
    _ = try small.trainer("a").run()
    _ = try small.trainer("b", ["model.initial=\(small.path("a/model"))"]).run()
    let first = try RunHistory(folder: small.path("b")).steps[0].loss
    #expect(first < 5)
  }

  @Test(arguments: ["layers=3", "window=5", "silu=false", "vocabulary-size=300", "kv-heads=1"])
  func settingsCannotChangeAModelThatIsTrainedFurther(setting: String) throws {
    _ = try small.trainer("a").run()
    let settings = ["model.initial=\(small.path("a/model"))", "model." + setting]
    let error = #expect(throws: InputError.self) { try small.trainer("b", settings) }
    let key = try #require(setting.split(separator: "=").first)
    #expect(error?.description.contains("model.\(key) ") == true)
  }

  @Test func trainingStartsFromACausalModel() throws {
    _ = try small.trainer("a", ["model.preset=1m-causal"]).run()
    let loss = try RunHistory(folder: small.path("a")).steps[0].loss
    let settings = [
      "model.from-causal=\(small.path("a/model"))", "model.preset=3m-castle-swl", "model.window=9",
    ]
    let progress = RecordingProgress()
    let trainer = try small.trainer("b", settings, progress: progress)
    #expect(progress.notes.contains { $0.contains("\(small.path("a/model"))") && $0.contains("parameters") })
    _ = try trainer.run()
    let model = try LanguageModel(folder: small.path("b/model"), backend: CPUBackend(threads: 1))
    #expect(model.configuration.mechanism == .slidingWindow(9))
    #expect(try RunHistory(folder: small.path("b")).steps[0].loss < loss)
    // The run goes on from its checkpoints, not from the causal model again.
    let whole = ["training.steps=16", "schedule.kind=constant"]
    _ = try small.trainer("c", settings + ["schedule.kind=constant"]).run()
    _ = try small.trainer("c", settings + whole, resumes: true).run()
    _ = try small.trainer("d", settings + whole).run()
    #expect(
      try small.folder.bytes("c/model/model.safetensors") == small.folder.bytes("d/model/model.safetensors"))
  }

  @Test(arguments: [
    ("model.preset=1m-causal", "model.preset"), ("model.window=0", "model.window"),
    ("model.layers=3", "model.layers"), ("model.causal-keys=false", "model.causal-keys"),
    ("model.initial=x", "model.initial"),
  ])
  func whatContradictsAStartFromACausalModelIsRefused(setting: String, key: String) throws {
    _ = try small.trainer("a", ["model.preset=1m-causal"]).run()
    let settings = ["model.from-causal=\(small.path("a/model"))", setting]
    let error = #expect(throws: InputError.self) { try small.trainer("b", settings) }
    #expect(error?.description.contains(key) == true, "\(error?.description ?? "")")
  }

  @Test func aStartFromAModelThatHasLookaheadKeysIsRefused() throws {
    _ = try small.trainer("a").run()
    let error = #expect(throws: InputError.self) {
      try small.trainer("b", ["model.from-causal=\(small.path("a/model"))"])
    }
    #expect(error?.description.contains("model.initial") == true)
  }

  @Test func aModelIsTrainedFurtherOnTextOfItsOwnTokenizerOnly() throws {
    _ = try small.trainer("a").run()
    let path = small.path("a/model/tokenizer.json")
    let other = try Tokenizer(
      vocabulary: (0..<256).map { [UInt8(255 - $0)] } + [nil], merges: [],
      addedTokens: [AddedToken(id: 256, content: "<|endoftext|>")])
    try TokenizerFile.write(other, path: path)
    let error = #expect(throws: InputError.self) {
      try small.trainer("b", ["model.initial=\(small.path("a/model"))"])
    }
    #expect(error?.description.contains("another tokenizer") == true)
  }

  /// A longer run has a longer warm-up by default, but not one that began with a shorter.
  @Test func aRunThatIsProlongedKeepsItsWarmUp() throws {
    let settings = ["schedule.warm-up=null", "schedule.kind=constant"]
    _ = try small.trainer("a", settings + ["training.steps=20"]).run()
    _ = try small.trainer("a", settings + ["training.steps=60"], resumes: true).run()
    let rates = try small.metrics("a").split(separator: "\n").compactMap { line in
      line.contains("\"learning_rate\"")
        ? line.split(separator: "\"learning_rate\":")[1].prefix(while: { $0 != "," && $0 != "}" }) : nil
    }
    #expect(rates.count == 60 && Set(rates[2...]).count == 1, "\(rates)")
  }

  @Test(arguments: ["samples.jsonl", ".config.yaml.abc1.partial", ".DS_Store"])
  func whatAFailedStartLeavesIsInNobodysWay(name: String) throws {
    try AtomicFile.write([], path: small.path("a/" + name))
    _ = try small.trainer("a").run()
  }

  @Test func aModelKnowsTheLengthOfItsTraining() throws {
    _ = try small.trainer("a").run()
    let model = try LanguageModel(folder: small.path("a/model"), backend: CPUBackend(threads: 1))
    #expect(try model.configuration.trainingLength == small.configuration("a").training.sequenceLength)
  }
}
