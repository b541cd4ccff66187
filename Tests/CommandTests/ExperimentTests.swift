import CastleMeasurement
import Foundation
import Testing

/// `castle experiment` as a user runs it.
@Suite(.serialized)
struct ExperimentTests {
  private let text: TrainingText
  private let file: String

  init() throws {
    text = try TrainingText()
    file = try text.folder.write(
      """
      name: tiny
      base:
        data.shards: "${text}"
        model: {layers: 1, hidden-size: 32, intermediate-size: 64, heads: 2, head-size: 8}
        training: {steps: 12, batch-size: 2, sequence-length: 24}
        schedule: {warm-up: 2}
        evaluation: {every: 4, tokens: 200}
        checkpoints: {every: 3, keep: 1, best: false}
      axes:
        seed: [1, 2]
        mechanism:
          causal: {model.preset: 1m-causal}
          castle: {model.preset: 1m-castle}
      evaluate: {texts: {whole: "${text}"}}
      compare: {axis: mechanism, baseline: causal, pair: seed}

      """, to: "tiny.yaml")
  }

  private func command(_ name: String, _ output: String, _ rest: String...) -> [String] {
    ["experiment", name, file, "--data", "text=\(text.shards)", "--output", text.folder.path(output)] + rest
  }

  private func finishedCount(_ output: String) -> Int {
    // A process that was killed leaves the file that it was writing, under another name.
    (try? text.folder.names(in: output + "/results").filter { $0.hasSuffix(".json") }.count) ?? 0
  }

  private func metrics(_ output: String) throws -> [String] {
    try text.folder.names(in: output + "/cells").map {
      try text.folder.text("\(output)/cells/\($0)/metrics.jsonl")
    }
  }

  private struct Plan: Decodable {
    struct Cell: Decodable {
      var cell: String
      var state: String
      var tokens: Int
      var parameters: Int
    }
    var cells: [Cell]
    var tokens: Int
  }

  private struct Report: Decodable {
    struct Difference: Decodable {
      var name: String
      var pairs: [String]
    }
    var differences: [Difference]
    var missing: [String]
  }

  @Test func planRunStatusCollectReport() throws {
    let plan = try CastleProcess.decode(Plan.self, command("plan", "runs", "--threads", "1"))
    #expect(plan.cells.map(\.cell) == ["seed-1_causal", "seed-1_castle", "seed-2_causal", "seed-2_castle"])
    #expect(
      plan.tokens == 4 * 12 * 48 && plan.cells.allSatisfy { $0.state == "missing" && $0.parameters > 0 })
    try CastleProcess.expectRefusal(command("report", "runs"), naming: "there is no result of tiny yet")
    try CastleProcess.expectRefusal(command("collect", "runs", "--into", "x"), naming: "no cell of tiny")

    _ = try CastleProcess.output(command("run", "runs", "--only", "2", "--threads", "1"))
    #expect(try text.folder.names(in: "runs/results") == ["seed-1_castle.json"])
    _ = try CastleProcess.output(command("run", "runs", "--jobs", "2", "--threads", "2"))
    let status = try CastleProcess.decode(Plan.self, command("status", "runs", "--threads", "1"))
    #expect(status.cells.allSatisfy { $0.state == "finished" })

    let collected = text.folder.path("collected")
    _ = try CastleProcess.output(command("collect", "runs", "--into", collected))
    let report = try CastleProcess.decode(
      Report.self,
      ["experiment", "report", file, "--results", collected, "--into", text.folder.path("report")])
    #expect(report.missing.isEmpty && report.differences.map(\.name) == ["castle", "castle"])
    #expect(report.differences.allSatisfy { $0.pairs == ["1", "2"] })
    #expect(try text.folder.names(in: "report") == ["report.html", "report.json", "report.md", "report.svg"])
    #expect(try text.folder.text("report/report.html").contains("<svg"))
  }

  @Test func killedAtAnyMomentAndStartedAgainItIsAnUninterruptedOne() throws {
    _ = try CastleProcess.output(command("run", "straight", "--threads", "1"))
    var kills = 0
    while kills < 6, finishedCount("broken") < 4 {
      let run = try BackgroundRun(command("run", "broken", "--threads", "1"))
      let end = Date(timeIntervalSinceNow: .random(in: 0.3...1.5))
      run.wait(for: "its moment") { Date() >= end }
      run.signal(SIGKILL)
      _ = try run.end()
      kills += 1
    }
    _ = try CastleProcess.output(command("run", "broken", "--threads", "1"))
    #expect(finishedCount("broken") == 4)
    #expect(finishedCount("broken") == 4)
    #expect(try metrics("broken") == metrics("straight"))
  }

  /// A report is there whole, old or new, whenever its writer is killed.
  @Test func aReportThatIsKilledLeavesNoPartOfOne() throws {
    _ = try CastleProcess.output(command("run", "runs", "--threads", "1"))
    _ = try CastleProcess.output(command("report", "runs"))
    let names = ["report.html", "report.svg", "report.md", "report.json"]
    let whole = try names.map { try text.folder.text("runs/report/\($0)") }
    for _ in 0..<12 {
      let report = try BackgroundRun(command("report", "runs"))
      let end = Date(timeIntervalSinceNow: .random(in: 0...0.08))
      report.wait(for: "its moment") { Date() >= end }
      report.signal(SIGKILL)
      _ = try report.end()
      #expect(try names.map { try text.folder.text("runs/report/\($0)") } == whole)
    }
    #expect(finishedCount("runs") == 4)
    _ = try CastleProcess.output(command("report", "runs"))
    #expect(try names.map { try text.folder.text("runs/report/\($0)") } == whole)
  }

  @Test func severalExperimentsMakeOnePage() throws {
    _ = try CastleProcess.output(command("run", "tiny", "--threads", "1"))
    let other = try text.folder.write(
      text.folder.text("tiny.yaml").replacing("name: tiny", with: "name: wide").replacing(
        "hidden-size: 32", with: "hidden-size: 48"), to: "wide.yaml")
    let data = ["--data", "text=\(text.shards)"]
    _ = try CastleProcess.output(
      ["experiment", "run", other, "--output", text.folder.path("wide"), "--threads", "1"] + data)
    let series = ["experiment", "report", file, other, "--output", text.folder.path("")] + data
    _ = try CastleProcess.output(series + ["--into", text.folder.path("page")])
    #expect(try text.folder.text("page/report.md").contains("| wide | castle | 2 |"))
    #expect(try text.folder.text("page/report.html").contains("against parameters"))
    try CastleProcess.expectRefusal(series, naming: "needs --into")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func anInterruptSavesAndEndsWithSuccess(signal: Int32) throws {
    for jobs in ["1", "2"] {
      let output = "runs-\(jobs)"
      let run = try BackgroundRun(command("run", output, "--jobs", jobs, "--threads", "2"))
      run.wait(for: "the first cell") { finishedCount(output) >= 1 }
      run.signal(signal)
      let ended = try run.end()
      #expect(ended.exitCode == 0 && !ended.wasKilled, "\(ended)")
      let count = finishedCount(output)
      _ = try CastleProcess.output(command("run", output, "--threads", "1"))
      #expect(count < 4 && finishedCount(output) == 4, "\(count)")
    }
  }

  @Test func whatCannotBeUsedIsNamed() throws {
    try CastleProcess.expectRefusal(
      ["experiment", "plan", file], naming: "reads the text 'text'", "give --data text=FOLDER")
    try CastleProcess.expectRefusal(
      ["experiment", "plan", file, "--data", "text"], naming: "expected KEY=folder")
    try CastleProcess.expectRefusal(
      command("run", "runs", "--only", "9"), naming: "no cell '9'", "from 1 to 4")
    try CastleProcess.expectRefusal(command("run", "runs", "--jobs", "0"), naming: "--jobs is 0")
    try CastleProcess.expectRefusal(
      ["experiment", "report", file, "--results", "/no/such"], naming: "there is no folder /no/such")
    let other = try text.folder.write("name: other\ncells: [{name: a}]\n", to: "other.yaml")
    _ = try CastleProcess.output(command("run", "runs", "--only", "1", "--threads", "1"))
    try CastleProcess.expectRefusal(
      ["experiment", "run", other, "--output", text.folder.path("runs")],
      naming: "holds the experiment tiny, not other")
  }

  @Test func compareShowsTheOthersWhenOneRunCrashed() throws {
    _ = try CastleProcess.output(text.training("good"))
    let crashed = text.folder.path("crashed")
    try FileManager.default.createDirectory(atPath: crashed, withIntermediateDirectories: true)
    let page = text.folder.path("page.html")
    let result = try CastleProcess.run(["compare", text.folder.path("good"), crashed, "--output", page])
    #expect(result.exitCode == 0 && result.output.contains("good"))
    #expect(result.errorOutput.contains("left out") && result.errorOutput.contains("crashed"))
    #expect(try text.folder.text("page.html").contains("Left out"))
    try CastleProcess.expectRefusal(["compare", crashed], naming: "crashed")
    try CastleProcess.expectRefusal(["compare", crashed, crashed], naming: "none of these is a run")
  }
}
