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

  @Test(arguments: [
    "a #b", "#x", "runs/a # b", "*a", "&a b", "!a", "@a", "%a", "- a", "| a", "> a", "don't", "a, b", "--- a",
  ])
  func textsOfOverridesAreTakenWhole(text: String) throws {
    let read = try configuration(set: ["output=" + text, "samples.prompts=" + text])
    #expect(read.output == text && read.samples.prompts == [text])
    #expect(try TrainingConfiguration(yaml: read.yaml(), source: "b.yaml").output == text)
  }

  @Test func whatWouldBeACommentIsRefused() throws {
    for value in ["'a' # b", "\"a\" #", "[a, b] # c", "{a: b} # c", "a: b # c"] {
      #expect(
        message(set: ["samples.prompts=" + value]).contains("what comes after # would be lost"), "\(value)")
    }
    let read = try configuration(set: ["output='a # b'", "samples.prompts=['# a', \"b # c\", d#e]"])
    #expect(read.output == "a # b" && read.samples.prompts == ["# a", "b # c", "d#e"])
  }

  @Test func aTildeInAPathIsTheHomeFolder() throws {
    let home = FilePath.expanded("~")
    let read = try TrainingConfiguration(
      yaml: """
        output: ~/runs/a
        model: {initial: ~/m}
        data: {tokenizer: ~/t, mixture: {plays: {shards: ~/p}}}
        evaluation: {sets: {other: ~/o}}
        """, source: "a.yaml", overrides: ["evaluation.sets.more=~/x", "samples.prompts=~/a"])
    #expect(read.output == home + "/runs/a" && read.model.initial == home + "/m")
    #expect(read.data.tokenizer == home + "/t" && read.data.mixture["plays"]?.shards == home + "/p")
    #expect(read.evaluation.sets == ["other": home + "/o", "more": home + "/x"])
    #expect(read.samples.prompts == ["~/a"])
  }

  @Test func theLengthThatIsSetLastCounts() throws {
    let tokens = try configuration("training: {steps: 20}", set: ["training.tokens=20_000"])
    #expect(tokens.training.steps == nil && tokens.steps == 5)
    let steps = try configuration("training: {epochs: 2}", set: ["training.steps=30"])
    #expect(steps.training.epochs == nil && steps.steps == 30)
    #expect(try configuration().steps == StepSettings.defaultSteps)
    #expect(try configuration("training: {epochs: 2}").steps == nil)
  }

  @Test func textsOfAMixtureAddUp() throws {
    let yaml = "output: a\ndata: {mixture: {plays: {shards: p, weight: 3}}}"
    let read = try TrainingConfiguration(
      yaml: yaml, source: "a.yaml", overrides: ["data.mixture.news.shards=n", "data.mixture.plays.weight=2"])
    #expect(read.data.mixture.mapValues(\.shards) == ["plays": "p", "news": "n"])
    #expect(read.data.mixture.mapValues(\.weight) == ["plays": 2, "news": 1])
    #expect(try TrainingConfiguration(yaml: read.yaml(), source: "b.yaml").entries == read.entries)
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
    ("training: {steps: 9, tokens: 9}", "training.steps and training.tokens are both set; keep one of them"),
    ("training: {length: 9}", "training.length is now called training.sequence-length"),
    ("evaluation: {sets: {validation: x}}", "'validation' cannot be the name of a set"),
  ])
  func badConfigurationsAreNamed(yaml: String, expected: String) {
    let text = message(yaml)
    #expect(text.contains(expected), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test(arguments: [
    ("training.steps", "training.steps: expected key=value"),
    ("training.stepps=4", "the nearest one is training.steps"),
    ("training.steps=1.5", "training.steps=1.5: training.steps is '1.5', which is not a whole number"),
    ("=4", "expected key=value"),
    ("training.epochs=0", "training.epochs is '0', which is not above 0"),
    ("data.mixture.books.weigth=2", "the nearest one is data.mixture.books.weight"),
    ("data.mixture.books.weight=-1", "data.mixture.books.weight is '-1', which is not above 0"),
    ("data.mixture.books.weight=2", "data.shards and data.mixture are both set"),
    ("evaluation={patience: 3, every: 0}", "evaluation.patience is 3, but evaluation.every is 0"),
    ("data.shards=", "data.shards is not set; name a folder"),
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
