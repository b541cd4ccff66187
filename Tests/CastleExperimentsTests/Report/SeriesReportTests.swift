import CastleExperiments
import CastleFormats
import CastleMeasurement
import CastleReports
import Testing

/// Several experiments on one page.
struct SeriesReportTests {
  private let small: SmallExperiment

  init() throws { small = try SmallExperiment() }

  private func summary(_ name: String, _ change: (String) -> String = { $0 }) throws -> ExperimentSummary {
    let runs = try small.runs(name) { change($0).replacing("name: small", with: "name: \(name)") }
    try small.run(runs)
    return try ExperimentSummary(runs)
  }

  @Test func lossIsDrawnAgainstParameters() throws {
    let summaries = [
      try summary("narrow"), try summary("wide") { $0.replacing("hidden-size: 32", with: "hidden-size: 64") },
    ]
    let report = try SeriesReport(summaries)
    let text = report.page.markdown
    #expect(text.contains("| narrow | castle | 2 |") && text.contains("| wide | castle | 2 |"))
    #expect(report.page.html.contains("Final validation loss against parameters"))
    #expect(try report.json.text.contains("\"series\""))
  }

  @Test func anotherBaselineIsNoSeries() throws {
    let other = try summary("other") { $0.replacing("baseline: causal", with: "baseline: castle") }
    let error = try #require(throws: InputError.self) { try SeriesReport([try summary("first"), other]) }
    #expect(error.description.contains("compares with castle, but small.yaml with causal"), "\(error)")
  }
}
