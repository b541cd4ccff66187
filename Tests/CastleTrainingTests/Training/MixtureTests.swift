import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTraining
import Testing

/// Runs on several texts.
struct MixtureTests {
  private let small: SmallRun

  init() throws {
    small = try SmallRun()
    try SmallCorpus.prepare(small.folder, name: "other", seed: 2, validationDocuments: 2)
    try SmallCorpus.prepare(small.folder, name: "bare", seed: 3, validationDocuments: 0)
  }

  private func mixture(_ weights: [(name: String, weight: Double)]) -> [String] {
    let texts = weights.map { "\($0.name): {shards: \(small.path($0.name)), weight: \($0.weight)}" }
    return ["data.shards=", "data.mixture={\(texts.joined(separator: ", "))}"]
  }

  @Test func anInterruptedRunGoesOnInTheMixture() throws {
    let settings = mixture([("other", 1), ("text", 3)]) + ["evaluation.every=0"]
    let trainer = try small.trainer("straight", settings)
    #expect(try trainer.run() == .finished)
    #expect(trainer.evaluations.map(\.set) == ["other", "text"])
    #expect(try small.stepOfInterrupt("broken", settings, afterSteps: 5) == 5)
    _ = try small.trainer("broken", settings, resumes: true).run()
    #expect(try small.metrics("broken") == small.metrics("straight"))
    _ = try small.trainer("equal", mixture([("other", 1), ("text", 1)]) + ["evaluation.every=0"]).run()
    #expect(try small.metrics("equal") != small.metrics("straight"))
  }

  @Test func aMixtureOfOneIsThatText() throws {
    _ = try small.trainer("plain", ["evaluation.every=0"]).run()
    _ = try small.trainer("mixture", mixture([("text", 2)]) + ["evaluation.every=0"]).run()
    func steps(_ run: String) throws -> [Substring] {
      try small.metrics(run).split(separator: "\n").filter { $0.contains("\"loss\"") }
    }
    #expect(try steps("mixture") == steps("plain"))
  }

  @Test func thePlanSaysHowOftenEachTextIsSeen() throws {
    let settings = mixture([("other", 1), ("text", 3)]) + ["training.epochs=2"]
    let plan = try TrainingPlan(small.configuration("a", settings))
    let sequences = plan.totalTokens / 24
    #expect(plan.epochsByText.map(\.name) == ["other", "text"])
    let parts = try #require(plan.data.text).parts
    let own = parts.map { ($0.corpus.training.tokenCount - $0.corpus.training.shards.count) / 24 }
    #expect(plan.steps >= own.reduce(0, +) - 4 && plan.steps <= own.reduce(0, +) + 1)
    #expect(abs(plan.epochsByText[1].epochs - 0.75 * Double(sequences) / Double(own[1])) < 0.2)
    #expect(plan.summary.contains("\n             text "))
  }

  @Test func textsWithoutAValidationPartAreNotEvaluated() throws {
    let trainer = try small.trainer("a", mixture([("bare", 1), ("text", 1)]))
    _ = try trainer.run()
    #expect(trainer.evaluations.map(\.set) == ["text"])
  }

  @Test func weightsOfARunCannotChange() throws {
    _ = try small.trainer("a", mixture([("other", 1), ("text", 3)])).run()
    let error = #expect(throws: InputError.self) {
      try small.trainer("a", mixture([("other", 1), ("text", 2)]), resumes: true)
    }
    #expect(error?.description.contains("data.mixture.text.weight was 3.0") == true)
  }

  @Test func aWeightTooSmallAndAMissingTextAreNamed() {
    let small = small
    for (weights, word) in [
      ([("other", 1e-9), ("text", 1.0)], "data.mixture"), ([("nowhere", 1)], "nowhere"),
    ] {
      let error = #expect(throws: InputError.self) { try small.trainer("a", mixture(weights)) }
      #expect(error?.description.contains(word) == true)
    }
  }
}
