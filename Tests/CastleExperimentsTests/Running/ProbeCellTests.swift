import CastleExperiments
import CastleFormats
import CastleMeasurement
import CastleOperations
import CastleReports
import CastleTraining
import Testing

/// Cells that are trained on a probe, without a text.
struct ProbeCellTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func runs(_ rest: String = "") throws -> ExperimentFolder {
    let yaml = """
      name: probe
      base:
        data.probe: {kind: flip-flop, length: 8}
        model: {layers: 1, hidden-size: 32, heads: 2, head-size: 8}
        training: {steps: 6, batch-size: 4}
        schedule: {warm-up: 2}
        evaluation: {every: 3, tokens: 80}
        checkpoints: {every: 2, keep: 1, best: false}
      axes:
        seed: [1, 2]
        mechanism: {causal: {model.preset: 1m-causal}, castle: {model.preset: 1m-castle}}
      compare: {axis: mechanism, baseline: causal, pair: seed}

      """
    return try ExperimentFolder(
      Experiment(yaml: yaml + rest, source: "probe.yaml"), path: folder.path + "/runs", texts: [:])
  }

  private func run(_ runs: ExperimentFolder) throws -> ExperimentRunner.Outcome {
    let runner = ExperimentRunner(
      runs, backend: CPUBackend(threads: 1), progress: RecordingExperimentProgress(), isInterrupted: { false }
    )
    return try runner.run(runs.experiment.cells)
  }

  @Test func accuracyIsAScoreOfTheReport() throws {
    let runs = try runs()
    #expect(try run(runs) == .done(failed: [], taken: []))
    let result = try #require(try runs.history(runs.experiment.cells[1]))
    #expect(result.validation.allSatisfy { $0.accuracy != nil } && result.isProbe)
    let summary = try ExperimentSummary(runs)
    #expect(summary.scoreMeasures == ["accuracy", "dense accuracy", "sparse accuracy"])
    let difference = try #require(summary.differences.first { $0.measure == "accuracy" })
    #expect(difference.isScore && difference.pairs == ["1", "2"] && summary.crossings.isEmpty)
    let page = try ExperimentReport(summary).page
    #expect(page.markdown.contains("Right answers") && page.html.contains("right answers, %"))
  }

  @Test func aTextCannotBeScoredByAModelOfAProbe() throws {
    let runs = try runs("evaluate: {texts: {a: /no/such}}\n")
    #expect(try run(runs) == .done(failed: runs.experiment.cells.map(\.name), taken: []))
    guard case .failed(let reason) = try runs.state(runs.experiment.cells[0]) else {
      Issue.record("not failed")
      return
    }
    #expect(reason.contains("a model of data.probe reads no text"))
  }
}
