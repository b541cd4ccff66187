import CastleCluster
import CastleEvaluation
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTraining
import Foundation
import Testing

/// Runs of the trainer on a probe.
struct ProbeRunTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func configuration(_ run: String, _ overrides: [String] = []) throws -> TrainingConfiguration {
    let yaml = """
      seed: 5
      output: \(folder.path)/\(run)
      data: {probe: {kind: lookahead-recall, pairs: 3, items: 6, labels: 3}}
      model: {preset: 1m-castle, layers: 1, hidden-size: 32, heads: 2, head-size: 8}
      training: {steps: 12, batch-size: 4}
      schedule: {warm-up: 2}
      evaluation: {every: 4, tokens: 140}
      checkpoints: {every: 3, keep: 2}
      """
    return try TrainingConfiguration(yaml: yaml, source: "probe.yaml", overrides: overrides)
  }

  private func trainer(
    _ run: String, _ overrides: [String] = [], resumes: Bool = false,
    isInterrupted: @escaping () -> Bool = { false }
  ) throws -> Trainer {
    try Trainer(
      configuration(run, overrides), resumes: resumes, backend: CPUBackend(threads: 1),
      progress: SilentProgress(), isInterrupted: isInterrupted)
  }

  private func metrics(_ run: String) throws -> String { try folder.text(run + "/" + RunRecords.metricsName) }

  @Test func theTaskDecidesLengthAndVocabulary() throws {
    let trainer = try trainer("run")
    #expect(trainer.configuration.training.sequenceLength == 7)
    #expect(trainer.plan.model.vocabularySize == 9 && trainer.plan.tokensPerStep == 28)
    #expect(trainer.plan.summary.contains("all of them new"))
  }

  @Test func accuracyIsRecordedBesideTheLoss() throws {
    let trainer = try trainer("run")
    #expect(try trainer.run() == .finished)
    let rows = try metrics("run").split(separator: "\n").filter { $0.contains("evaluation_loss") }
    #expect(rows.count == 3 && rows.allSatisfy { $0.contains("\"accuracy\":") })
    let result = try #require(trainer.evaluations.first?.result)
    // A question in each of 20 sequences of 7 tokens.
    let accuracy = try #require(result.accuracy)
    #expect(result.tokens == 20 && (0...1).contains(accuracy))
    #expect(FileManager.default.fileExists(atPath: folder.path + "/run/model/model.safetensors"))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/run/model/tokenizer.json"))
  }

  @Test(arguments: [
    [], ["data.probe={kind: mqar, length: 16, pairs: 2, vocabulary-size: 16, sequences: 10}"],
    ["data.probe={kind: flip-flop, length: 8}"],
  ])
  func anInterruptedRunGoesOnToTheSameBits(settings: [String]) throws {
    // A kind of its own has none of the base's sizes.
    let settings = settings.isEmpty ? [] : ["data.probe={pairs: null, items: null, labels: null}"] + settings
    _ = try trainer("straight", settings).run()
    var rounds = 0
    var outcome = Trainer.Outcome.interrupted
    while outcome == .interrupted, rounds < 50 {
      var questions = 0
      let limit = 3 + 2 * rounds
      outcome = try trainer("broken", settings, resumes: true) {
        questions += 1
        return questions > limit
      }.run()
      rounds += 1
    }
    #expect(rounds > 2 && outcome == .finished)
    #expect(try metrics("broken") == metrics("straight"))
    #expect(
      try folder.bytes("broken/model/model.safetensors") == folder.bytes("straight/model/model.safetensors"))
  }

  @Test func sequencesComeAgainWhereTheirNumberIsGiven() throws {
    let settings = ["data.probe.sequences=8", "training.epochs=3"]
    let trainer = try trainer("run", settings)
    #expect(trainer.plan.steps == 6)
    _ = try trainer.run()
    #expect(try metrics("run").contains("\"epoch\":3"))
  }

  @Test func theVariantsOfATaskAreScoredBesideIt() throws {
    let trainer = try trainer(
      "run", ["data.probe={pairs: null, items: null, labels: null, kind: flip-flop, length: 16}"])
    _ = try trainer.run()
    #expect(trainer.evaluations.map(\.set) == ["validation", "sparse", "dense"])
  }

  @Test func twoRanksHaveTogetherWhatOneHas() throws {
    let plan = try TrainingPlan(configuration("run"))
    let whole = plan.batches(try configuration("run"), position: 8, world: .single)
    let parts = (0..<2).map {
      plan.batches(try! configuration("run"), position: 8, world: World(rank: $0, size: 2))
    }
    for _ in 0..<3 {
      let batch = try whole.next()
      let shares = try parts.map { try $0.next() }
      #expect(batch.tokens == shares.flatMap(\.tokens) && batch.targets == shares.flatMap(\.targets))
    }
    #expect(whole.position == 20 && parts.map(\.position) == [20, 20])
  }

  @Test(arguments: [
    (["data.shards=x"], "data.shards is set beside data.probe"),
    (["samples.every=1"], "samples.every is set beside data.probe"),
    (["evaluation.sets.x=y"], "evaluation.sets is set beside data.probe"),
    (["training.epochs=1"], "sequences of data.probe never end"),
    (["evaluation.tokens=0"], "evaluation.tokens is 0"),
    (["training.sequence-length=32"], "the sequences of data.probe have 7 tokens"),
    (["data.probe.kind=null"], "data.probe.pairs is set, but data.probe.kind is not"),
    (["model.vocabulary-size=8"], "fewer than the 9 tokens"),
  ])
  func settingsThatDoNotFitAreNamed(overrides: [String], words: String) throws {
    let error = #expect(throws: InputError.self) { try TrainingPlan(configuration("run", overrides)) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test func anotherTaskIsNoContinuation() throws {
    _ = try trainer("run").run()
    let error = #expect(throws: InputError.self) {
      try trainer("run", ["data.probe.items=7", "training.steps=20"], resumes: true)
    }
    #expect(error?.description.contains("data.probe.items was 6") == true, "\(String(describing: error))")
  }
}
