import CastleExperiments
import CastleFormats
import CastleMeasurement
import CastleReports
import Foundation
import Testing

struct ExperimentReportTests {
  private let small: SmallExperiment

  init() throws { small = try SmallExperiment() }

  @Test func aReportBeforeAnyResultSaysSo() throws {
    let runs = try small.runs("runs")
    #expect(throws: InputError("there is no result of small yet: start it with castle experiment run")) {
      try ExperimentReport(ExperimentSummary(runs))
    }
  }

  @Test func differencesArePairedBySeed() throws {
    let runs = try small.runs("runs")
    try small.run(runs)
    let summary = try ExperimentSummary(runs)
    #expect(
      summary.groups.map(\.name) == ["causal", "castle"]
        && summary.measures == ["validation", "long", "whole"])
    let difference = try #require(summary.differences.first { $0.measure == "whole" })
    #expect(difference.name == "castle" && difference.baseline == "causal" && difference.pairs == ["1", "2"])
    let losses = try runs.experiment.cells.map { try runs.history($0)?.scores["whole"]?.loss ?? .nan }
    #expect(difference.differences.values == [losses[1] - losses[0], losses[3] - losses[2]])

    let page = try ExperimentReport(summary).page
    #expect(page.html.contains("<svg") && !page.html.contains("src="))
    #expect(page.markdown.contains("| causal | "))
    let json = try ExperimentReport(summary).json.text
    #expect(try JSONSerialization.jsonObject(with: Data(json.utf8)) is [String: Any])
  }

  @Test func whatIsUnderWayIsInThePicturesOnly() throws {
    let runs = try small.runs("runs")
    try small.run(runs, only: ["seed-1_causal"])
    var questions = 0
    try small.run(runs, only: ["seed-1_castle"]) {
      questions += 1
      return questions > 5
    }
    let summary = try ExperimentSummary(runs)
    #expect(summary.unfinished.map(\.cell) == ["seed-1_castle"] && summary.differences.isEmpty)
    #expect(summary.missing == ["seed-2_causal", "seed-2_castle"])
    #expect(
      try ExperimentReport(summary).page.markdown.contains("Under way, in the pictures only: seed-1_castle."))
  }

  @Test func aReportOfCollectedResultsIsTheSame() throws {
    let runs = try small.runs("runs")
    try small.run(runs)
    let collected = small.folder.path + "/collected"
    try FileManager.default.copyItem(atPath: small.folder.path + "/runs/results", toPath: collected)
    let whole = try ExperimentReport(ExperimentSummary(runs))
    let again = try ExperimentReport(ExperimentSummary(small.experiment(), collectedIn: collected))
    #expect(again.page.html == whole.page.html && again.json.text == whole.json.text)
    #expect(throws: InputError.self) {
      try ExperimentSummary(
        small.experiment { $0.replacing("name: small", with: "name: other") }, collectedIn: collected)
    }
  }

  @Test func aDamagedResultIsNamed() throws {
    let runs = try small.runs("runs")
    try small.run(runs, only: ["seed-1_causal"])
    let path = runs.result(runs.experiment.cells[0])
    try Data("{\"experiment\":".utf8).write(to: URL(fileURLWithPath: path))
    let error = try #require(throws: InputError.self) { try ExperimentSummary(runs) }
    #expect(error.description.contains(path))
  }
}
