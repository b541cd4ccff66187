import CastleExperiments
import CastleFormats
import CastleMeasurement
import CastleReports
import Foundation
import Testing

/// `evaluate.tasks`: questions that finished models are asked.
struct TaskMeasurementTests {
  private let small: SmallExperiment

  init() throws {
    small = try SmallExperiment()
    let pairs = ["lo hi", "hi mid", "up down"].map {
      "{\"sentence_good\": \"\($0)\", \"sentence_bad\": \"zz \($0)\"}\n"
    }
    try small.folder.write(pairs.joined(), to: "pairs.jsonl")
    let choices = (0..<6).map {
      "{\"context\": \"lo hi \($0)\", \"choices\": [\"mid\", \"q\"], \"answer\": 0}\n"
    }
    try small.folder.write(choices.joined(), to: "choices.jsonl")
  }

  private func tasks(_ yaml: String) -> (String) -> String {
    { $0.replacing("compare:", with: "  tasks: \(yaml)\ncompare:") }
  }

  private var usual: (String) -> String {
    tasks(
      "{pairs: \(small.folder.path)/pairs.jsonl, "
        + "choices: {data: \(small.folder.path)/choices.jsonl, shots: 2}}"
    )
  }

  @Test func everyFinishedModelIsAsked() throws {
    let runs = try small.runs("runs", usual)
    #expect(try small.run(runs) == .done(failed: [], taken: []))
    for cell in runs.experiment.cells {
      let tasks = try #require(try runs.history(cell)?.tasks)
      let pairs = try #require(tasks["pairs"])
      #expect(pairs.items == 3 && pairs.sets == 1 && pairs.shots == 0 && pairs.normalizedAccuracy == nil)
      #expect([0, 1, 2, 3].contains { abs(pairs.accuracy - $0 / 3) < 1e-12 })
      #expect(tasks["choices"]?.shots == 2 && tasks["choices"]?.normalizedAccuracy != nil)
    }
    let summary = try ExperimentSummary(runs)
    #expect(
      summary.scoreMeasures == ["choices, 2-shot acc", "choices, 2-shot acc_norm", "pairs acc"])
    let difference = try #require(summary.differences.first { $0.measure == "pairs acc" })
    #expect(difference.isScore && difference.pairs == ["1", "2"])
    let report = try ExperimentReport(summary)
    #expect(report.page.markdown.contains("Right answers") && report.json.text.contains("pairs acc"))
  }

  @Test func tasksThatAreAskedForLaterNeedNoTraining() throws {
    try small.run(try small.runs("runs"), only: ["seed-1_causal"])
    let later = try small.runs("runs", usual)
    #expect(try later.state(later.experiment.cells[0]) == .interrupted)
    let progress = RecordingExperimentProgress()
    try small.run(later, only: ["seed-1_causal"], progress: progress)
    #expect(progress.begun.isEmpty && progress.finished == ["seed-1_causal"])
    #expect(try later.state(later.experiment.cells[0]) == .finished)
  }

  @Test(arguments: [
    ("{a: /no/such.jsonl}", "evaluate.tasks.a: there is no task file or folder /no/such.jsonl"),
    ("{a: FOLDER/damaged.jsonl}", "\"answer\" is 7; with 2 choices it must be from 0 to 1"),
    ("{a: FOLDER/missing.jsonl}", "\"answer\" is missing"),
    ("{a: {data: FOLDER/pairs.jsonl, shots: 1}}", "take no examples"),
    ("{a: {data: FOLDER/choices.jsonl, shots: 6}}", "has 5 examples for a question, but 6 are asked for"),
  ])
  func badTasksAreNamedBeforeAnythingIsTrained(yaml: String, words: String) throws {
    try small.folder.write(
      "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 7}\n", to: "damaged.jsonl")
    try small.folder.write("{\"context\": \"a\", \"choices\": [\"b\", \"c\"]}\n", to: "missing.jsonl")
    let runs = try small.runs("runs", tasks(yaml.replacing("FOLDER", with: small.folder.path)))
    let error = try #require(throws: InputError.self) { try small.run(runs) }
    #expect(error.description.contains(words), "\(error)")
    #expect(!FileManager.default.fileExists(atPath: runs.path))
  }
}
