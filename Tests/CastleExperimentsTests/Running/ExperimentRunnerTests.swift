import CastleExperiments
import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
import Testing

struct ExperimentRunnerTests {
  private let small: SmallExperiment

  init() throws { small = try SmallExperiment() }

  @Test func everyCellIsTrainedAndScoredOnce() throws {
    let runs = try small.runs("runs")
    let progress = RecordingExperimentProgress()
    #expect(try small.run(runs, progress: progress) == .done(failed: [], taken: []))
    #expect(progress.finished == runs.experiment.cells.map(\.name))
    let result = try #require(try runs.history(runs.experiment.cells[1]))
    #expect(result.isFinished && result.steps == 6 && result.values == ["seed": "1", "mechanism": "castle"])
    #expect(result.validation.map(\.tokens) == [96, 192, 288])
    #expect(result.scores["long"]?.length == 48 && result.scores["long"]?.tokens == 199)
    #expect(result.settings["data.shards"] == "${text}" && result.settings["output"] == nil)
    #expect(result.settings["model.preset"] == "1m-castle" && result.machine?.contains("castle") == true)

    let again = RecordingExperimentProgress()
    try small.run(runs, progress: again)
    #expect(again.begun.isEmpty)
  }

  @Test func aTextThatIsAskedForLaterIsScoredWithoutTraining() throws {
    let later = try small.runs("runs")
    let first = try small.runs("runs") { $0.replacing("    whole: \"${text}\"\n", with: "") }
    try small.run(first, only: ["seed-1_causal"])
    let cell = later.experiment.cells[0]
    let before = try #require(try later.history(cell))
    #expect(before.scores.keys.sorted() == ["long"])
    #expect(try later.state(cell) == .interrupted)

    let progress = RecordingExperimentProgress()
    try small.run(later, only: ["seed-1_causal"], progress: progress)
    let after = try #require(try later.history(cell))
    #expect(progress.begun.isEmpty && progress.finished == [cell.name])
    #expect(after.scores.keys.sorted() == ["long", "whole"] && after.training == before.training)
    #expect(try later.state(cell) == .finished)
  }

  @Test func anInterruptedExperimentGoesOnToTheSameNumbers() throws {
    let whole = try small.runs("whole")
    try small.run(whole)
    let runs = try small.runs("interrupted")
    var rounds = 0
    var outcome = ExperimentRunner.Outcome.interrupted
    while outcome == .interrupted, rounds < 100 {
      rounds += 1
      var questions = 0
      outcome = try small.run(runs) {
        questions += 1
        // An evaluation that is interrupted begins anew: it must get through at last.
        return questions > 5 + 2 * rounds
      }
    }
    #expect(outcome == .done(failed: [], taken: []) && rounds > 4)
    for cell in whole.experiment.cells {
      #expect(try small.metrics(runs, cell) == small.metrics(whole, cell))
      #expect(try runs.history(cell)?.scores == whole.history(cell)?.scores)
    }
  }

  @Test func aFailedCellSpoilsNoOtherAndIsRetriedOnRequestOnly() throws {
    let runs = try small.runs("runs") {
      $0 + "cells: [{name: broken, settings: {evaluation.sets.other: \(small.folder.path)/later}}]\n"
    }
    let progress = RecordingExperimentProgress()
    #expect(try small.run(runs, progress: progress) == .done(failed: ["broken"], taken: []))
    #expect(progress.finished.count == 4 && progress.failures["broken"]?.contains("later") == true)
    let broken = try runs.experiment.cell("broken")
    guard case .failed(let reason) = try runs.state(broken) else { Issue.record("not failed"); return }
    #expect(reason.contains("later"))

    try SmallCorpus.prepare(small.folder, name: "later", seed: 1)
    let second = RecordingExperimentProgress()
    #expect(try small.run(runs, progress: second) == .done(failed: ["broken"], taken: []))
    #expect(second.begun.isEmpty)
    #expect(try small.run(runs, retriesFailed: true) == .done(failed: [], taken: []))
    #expect(try runs.state(broken) == .finished)
  }

  @Test func aCellThatDoesNotFitFailsByName() throws {
    let runs = try small.runs("runs") {
      $0
        + "cells: [{name: huge, settings: {model.hidden-size: 8192, model.layers: 1000}}]\n"
    }
    let progress = RecordingExperimentProgress()
    #expect(try small.run(runs, only: ["huge"], progress: progress) == .done(failed: ["huge"], taken: []))
    #expect(progress.failures["huge"]?.contains("are free") == true, "\(progress.failures)")
  }

  @Test func twoWorkersNeverTakeTheSameCell() throws {
    let runs = try small.runs("runs")
    let first = runs.experiment.cells[0].name
    var inner: ExperimentRunner.Outcome?
    var questions = 0
    let progress = RecordingExperimentProgress()
    // While the first cell is at work, another worker does all the rest.
    try small.run(runs, only: [first]) {
      questions += 1
      // The first question comes before the cell is taken.
      if questions == 3 {
        inner = try? small.run(runs, progress: progress)
        #expect((try? runs.state(runs.experiment.cells[0])) == .running)
      }
      return false
    }
    #expect(inner == .done(failed: [], taken: [first]))
    #expect(progress.finished == runs.experiment.cells.dropFirst().map(\.name))
    #expect(try runs.state(runs.experiment.cells[0]) == .finished)
  }

  @Test func aChangedPlanIsRefusedByNameAndNothingIsLost() throws {
    let runs = try small.runs("runs")
    try small.run(runs, only: ["seed-1_causal"])
    let changed = try small.runs("runs") { $0.replacing("steps: 6", with: "steps: 8") }
    let error = try #require(throws: InputError.self) { try small.run(changed) }
    #expect(error.description.contains("training.steps 6") && error.description.contains("now says 8"))
    #expect(error.description.contains("seed-1_causal"))
    #expect(try runs.state(runs.experiment.cells[0]) == .finished)
  }

  @Test func anotherTextIsRefused() throws {
    let runs = try small.runs("runs")
    try small.run(runs, only: ["seed-1_causal"])
    try SmallCorpus.prepare(small.folder, name: "other", seed: 2)
    let other = try ExperimentFolder(
      runs.experiment, path: runs.path, texts: ["text": small.folder.path + "/other"])
    let error = try #require(throws: InputError.self) { try small.run(other) }
    #expect(error.description.contains("seed-1_causal.json was trained on another text"))
  }

  @Test func theFolderOfAnotherExperimentIsRefused() throws {
    try small.run(try small.runs("runs"), only: ["seed-1_causal"])
    #expect(throws: InputError.self) {
      try small.runs("runs") { $0.replacing("name: small", with: "name: other") }
    }
    let strange = small.folder.path + "/strange"
    try FileManager.default.createDirectory(atPath: strange, withIntermediateDirectories: true)
    try Data().write(to: URL(fileURLWithPath: strange + "/thesis.txt"))
    let error = try #require(throws: InputError.self) { try small.run(try small.runs("strange")) }
    #expect(error.description.contains("thesis.txt"))
  }

  @Test func estimatesComeFromWhatWasMeasured() throws {
    let runs = try small.runs("runs")
    let before = try CellEstimate.all(in: runs, peakRate: 1e11)
    #expect(before.allSatisfy { !$0.isMeasured && $0.state == .missing && $0.seconds > 0 })
    try small.run(runs, only: ["seed-1_causal"])
    let after = try CellEstimate.all(in: runs, peakRate: 1e11)
    #expect(after.map(\.isMeasured) == [true, true, true, true])
    #expect(after[0].remaining == 0 && after[0].share == 1 && after[1].remaining > 0)
  }
}
