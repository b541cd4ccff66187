import CastleExperiments
import CastleFormats
import CastleTraining
import Testing

struct ExperimentTests {
  private static let mechanisms = """
    name: small
    base: {training: {steps: 10}, data.shards: "${books}"}
    axes:
      seed: [1, 2]
      mechanism:
        causal: {model.preset: 1m-causal}
        castle: {model: {preset: 1m-castle, window: 4}}

    """

  private func experiment(_ rest: String) throws -> Experiment {
    try Experiment(yaml: Self.mechanisms + rest, source: "small.yaml")
  }

  private func message(_ yaml: String) -> String? {
    do {
      _ = try Experiment(yaml: yaml, source: "small.yaml")
      return nil
    } catch {
      return (error as? InputError)?.description
    }
  }

  @Test func cellsAreTheProductOfTheAxes() throws {
    let cells = try experiment("").cells
    #expect(cells.map(\.name) == ["seed-1_causal", "seed-1_castle", "seed-2_causal", "seed-2_castle"])
    let configuration = try cells[3].configuration(output: "runs/x", texts: ["books": "data/old books"])
    #expect(configuration.seed == 2 && configuration.model.preset == "1m-castle")
    #expect(configuration.model.window == 4 && configuration.training.steps == 10)
    #expect(configuration.data.shards == "data/old books" && configuration.output == "runs/x")
  }

  @Test func cellsAreIncludedExcludedAndListed() throws {
    let cells = try experiment(
      """
      exclude: [{seed: 2, mechanism: [castle]}]
      cells:
        - {name: wide, seed: 2, mechanism: castle, settings: {model.window: 64}}
      """
    ).cells
    #expect(cells.map(\.name) == ["seed-1_causal", "seed-1_castle", "seed-2_causal", "wide"])
    #expect(try cells[3].configuration(output: "x", texts: ["books": "b"]).model.window == 64)
    #expect(try experiment("include: [{seed: 2}]").cells.map(\.name) == ["seed-2_causal", "seed-2_castle"])
  }

  @Test func cellsComeBehindThoseThatTheyBranchFrom() throws {
    let cells = try Experiment(
      yaml: """
        name: x
        axes:
          length:
            short: {training.steps: 4, data.shards: a, branch: {from: {length: trunk}, step: 2}}
            trunk: {training.steps: 8, data.shards: a}
          seed: [1, 2]
        """, source: "x.yaml"
    ).cells
    #expect(cells.map(\.name) == ["trunk_seed-1", "trunk_seed-2", "short_seed-1", "short_seed-2"])
    #expect(cells[0].branch == nil && cells[2].branch?.cell == "trunk_seed-1" && cells[3].branch?.step == 2)
    let configuration = try cells[3].configuration(output: "o", texts: [:])
    #expect(configuration.training.steps == 4)
  }

  @Test func aCellIsFoundByNameOrNumber() throws {
    let experiment = try experiment("")
    #expect(try experiment.cell("2") == experiment.cell("seed-1_castle"))
    #expect(
      throws: InputError("small.yaml has no cell '5': name one of its 4 cells, or a number from 1 to 4")
    ) {
      try experiment.cell("5")
    }
  }

  @Test(arguments: [
    ("", "small.yaml is empty"),
    ("name: x", "has no cells"),
    ("name: x\naxes: {seed: [1]}\nexclude: [{seed: 1}]", "has no cells"),
    ("name: a/b\naxes: {seed: [1]}", "a name has letters"),
    ("axes: {seed: [1]}", "has no name"),
    ("name: x\naxis: {seed: [1]}", "axis is not known here"),
    ("name: x\naxes: {seed: [1, 1]}", "'1' twice"),
    ("name: x\naxes: {seed: []}", "axes.seed has no values"),
    ("name: x\naxes: {data.shards: [a/b]}", "of which no folder can be named"),
    ("name: x\naxes: {m: {a: {output: b}}}", "cannot be set"),
    ("name: x\naxes: {seed: [1]}\nexclude: [{seed: 3}]", "no value of seed; there are 1"),
    ("name: x\naxes: {seed: [1]}\nevaluate: {task: {a: b}}", "evaluate.task is not known here"),
    ("name: x\naxes: {seed: [1]}\nevaluate: {tasks: [riddles]}", "evaluate.tasks must be names with values"),
    ("name: x\naxes: {seed: [1]}\nevaluate: {tasks: {a: {shots: 4}}}", "evaluate.tasks.a has no data"),
    (
      "name: x\naxes: {seed: [1]}\nevaluate: {tasks: {a: {data: b, shots: -1}}}",
      "evaluate.tasks.a.shots is '-1', which is not a whole number from 0 to 1000"
    ),
    ("name: x\ncells: [{name: a, settings: {branch.step: 3}}]", "cell a: branch.from is missing"),
    ("name: x\ncells: [{name: a, settings: {branch.from: b}}]", "cell a: branch.step is missing"),
    (
      "name: x\ncells: [{name: a, settings: {branch: {from: b, step: 3}}}]",
      "cell a: branch.from says b, which is not one other cell"
    ),
    (
      "name: x\ncells: [{name: a, settings: {branch: {from: a, step: 3}}}]",
      "cell a: branch.from says a, which is not one other cell"
    ),
    (
      "name: x\ncells: [{name: a, settings: {branch: {from: {size: b}, step: 3}}}]",
      "branch.from.size names no axis"
    ),
    ("name: x\ncells: [{name: a, settings: {branch: {at: 3}}}]", "branch.at is not known"),
    (
      "name: x\ncells: [{name: a, settings: {branch: {from: b, step: 3}}}, "
        + "{name: b, settings: {branch: {from: a, step: 3}}}]",
      "it branches from a cell that branches from it"
    ),
    ("name: x\naxes: {seed: [1]}\nevaluate: {texts: {a: {length: 4}}}", "has no data"),
    ("name: x\naxes: {seed: [1]}\ncompare: {axis: mechanism, baseline: a, pair: seed}", "which is no axis"),
    ("name: x\ncells: [{name: a}, {name: a}]", "two cells are called a"),
    ("name: [x", "not valid YAML"),
  ])
  func aBadFileIsNamed(yaml: String, words: String) {
    let message = message(yaml)
    #expect(
      message?.hasPrefix("small.yaml") == true && message?.contains(words) == true, "\(message ?? "none")")
  }

  @Test func tooManyCellsAreRefusedBeforeTheyAreMade() {
    let axis = (1...1000).map(String.init).joined(separator: ", ")
    let yaml = "name: x\naxes: {seed: [\(axis)], training.steps: [\(axis)], training.batch-size: [\(axis)]}"
    #expect(message(yaml)?.contains("more than 100000 cells") == true)
  }

  @Test func aWrongSettingNamesItsCell() throws {
    let cell = try Experiment(yaml: "name: x\ncells: [{name: a, settings: {model.sized: 3}}]", source: "x")
      .cells[0]
    let error = try #require(throws: InputError.self) { try cell.configuration(output: "o", texts: [:]) }
    #expect(error.description.hasPrefix("cell a: model.sized=3: model.sized is not a setting"))
    let text = try experiment("").cells[0]
    let missing = try #require(throws: InputError.self) { try text.configuration(output: "o", texts: [:]) }
    #expect(
      missing.description
        == "the experiment reads the text 'books', but no folder has that name; give a folder for books")
  }
}
