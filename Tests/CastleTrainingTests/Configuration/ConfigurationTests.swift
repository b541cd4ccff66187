import CastleFormats
import CastleTraining
import Testing

struct ConfigurationTests {
  private static let minimum = "output: runs/a\ndata: {shards: data/books}\n"

  private func configuration(_ yaml: String = "", set overrides: [String] = []) throws
    -> TrainingConfiguration
  {
    try TrainingConfiguration(yaml: Self.minimum + yaml, source: "a.yaml", overrides: overrides)
  }

  private func message(_ yaml: String = "", set overrides: [String] = []) -> String {
    do {
      _ = try configuration(yaml, set: overrides)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func keysThatAreNotGivenKeepTheirDefault() throws {
    let read = try configuration("training:\n  steps: 20_000\n")
    #expect(read.training.steps == 20_000)
    #expect(read.training.batchSize == TrainingConfiguration().training.batchSize)
  }

  @Test func overridesWinAndTheLastOneCounts() throws {
    let read = try configuration(
      "training: {steps: 20}\nschedule: {warm-up: 1}",
      set: ["training.steps=30", "training.steps=40", "schedule.kind=constant", "samples.prompts=[a, b=c]"])
    #expect(read.training.steps == 40)
    #expect(read.schedule.kind == .constant)
    #expect(read.samples.prompts == ["a", "b=c"])
  }

  @Test func namedSetsAddUp() throws {
    let read = try configuration("evaluation: {sets: {plays: p}}", set: ["evaluation.sets.news=n"])
    #expect(read.evaluation.sets == ["plays": "p", "news": "n"])
  }

  @Test func whatIsWrittenReadsBackEqual() throws {
    let read = try configuration(
      "seed: 18446744073709551615\nmodel: {window: 64, silu: false}\noptimizer: {learning-rate: 3e-4}",
      set: ["samples.prompts=['it''s: \"x\"', null]", "evaluation.sets.a=b"])
    let again = try TrainingConfiguration(yaml: read.yaml(), source: "b.yaml")
    #expect(again.entries == read.entries)
    #expect(again.seed == .max)
    #expect(again.optimizer.learningRate == 3e-4)
  }

  @Test(arguments: [
    ("trainin: {steps: 3}", "a.yaml:3: trainin is not a setting; the nearest one is training"),
    ("training: {step: 3}", "a.yaml:3: training.step is not a setting; the nearest one is training.steps"),
    ("training:\n  learning-rate: 3", "the nearest one is optimizer.learning-rate"),
    ("training:\n  steps: many", "a.yaml:4: training.steps is 'many', which is not a whole number"),
    ("training: {steps: 0}", "training.steps is '0', which is not from 1 to"),
    ("training: 7", "training is '7', which is not a group of settings"),
    ("optimizer: {beta1: 1}", "optimizer.beta1 is '1', which is not at least 0 and below 1"),
    (
      "optimizer: {beta1: 0.99999999999}",
      "optimizer.beta1 is '0.99999999999', which is not at least 0 and below 1 in single precision"
    ),
    ("optimizer: {beta2: 0.99999999999}", "below 1 in single precision"),
    ("optimizer: {epsilon: 1e-50}", "optimizer.epsilon is '1e-50', which is not above 0 in single precision"),
    ("optimizer: {learning-rate: 1e39}", "and finite"),
    (
      "training: {steps: 1_000_000_000, batch-size: 65536, accumulation: 65536, sequence-length: 1_048_576}",
      "more tokens than can be counted"
    ),
    (
      "schedule: {kind: warm-up-stable-decay, decay: 9223372036854775807}",
      "together more than training.steps, which is 1000"
    ),
    ("optimizer: {learning-rate: nan}", "which is not a number"),
    ("schedule: {kind: cosin}", "is 'cosin', which is not one of cosine, warm-up-stable-decay, constant"),
    ("training: {steps: 9}\nschedule: {warm-up: 10}", "schedule.warm-up is 10, more than training.steps"),
    ("training: [", "not valid YAML"),
    ("evaluation: {sets: {validation: x}}", "'validation' cannot be the name of a set"),
  ])
  func badConfigurationsAreNamed(yaml: String, expected: String) {
    let text = message(yaml)
    #expect(text.contains(expected), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test(arguments: [
    ("training.steps", "--set training.steps: expected key=value"),
    ("training.stepps=4", "the nearest one is training.steps"),
    ("training.steps=1.5", "--set training.steps=1.5: training.steps is '1.5', which is not a whole number"),
    ("=4", "expected key=value"),
    ("data.shards=", "data.shards is not set: name a folder"),
  ])
  func badOverridesAreNamed(override: String, expected: String) {
    let text = message(set: [override])
    #expect(text.contains(expected), "\(text)")
  }

  @Test func aMissingFileIsNamed() {
    #expect(throws: InputError("cannot read no/such.yaml: No such file or directory")) {
      try TrainingConfiguration(path: "no/such.yaml")
    }
  }
}
