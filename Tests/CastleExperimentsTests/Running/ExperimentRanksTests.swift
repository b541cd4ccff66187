import CastleCluster
import CastleExperiments
import CastleMeasurement
import CastleOperations
import CastleTraining
import Foundation
import Testing

/// Experiments whose cells several ranks share, here threads of one process.
struct ExperimentRanksTests {
  private let small: SmallExperiment

  init() throws { small = try SmallExperiment() }

  private struct Part: Sendable {
    var outcome: ExperimentRunner.Outcome
    var begun: [String]
    var failures: [String: String]
  }

  private func run(
    _ runs: ExperimentFolder, ranks: Int, retriesFailed: Bool = false,
    isInterrupted: @escaping @Sendable (_ rank: Int, _ question: Int) -> Bool = { _, _ in false }
  ) throws -> [Part] {
    try ThreadCommunicator.run(ranks: ranks) { communicator in
      let progress = RecordingExperimentProgress()
      var questions = 0
      let runner = ExperimentRunner(runs, backend: CPUBackend(threads: 1), progress: progress) {
        questions += 1
        return isInterrupted(communicator.world.rank, questions)
      }
      let outcome = try runner.run(
        runs.experiment.cells, retriesFailed: retriesFailed, with: communicator)
      return Part(outcome: outcome, begun: progress.begun, failures: progress.failures)
    }
  }

  @Test(arguments: 1...3) func everyCellIsDoneByOneRank(ranks: Int) throws {
    let whole = try small.runs("whole")
    try small.run(whole)
    let runs = try small.runs("runs")
    let parts = try run(runs, ranks: ranks)
    #expect(parts.allSatisfy { $0.outcome == .done(failed: [], taken: []) })
    #expect(parts.flatMap(\.begun).sorted() == runs.experiment.cells.map(\.name).sorted())
    for cell in whole.experiment.cells {
      #expect(try small.metrics(runs, cell) == small.metrics(whole, cell))
      #expect(try runs.history(cell)?.scores == whole.history(cell)?.scores)
    }
  }

  @Test func allRanksKnowWhatHasFailedAndOneTriesItAgain() throws {
    let runs = try small.runs("runs") {
      $0 + "cells: [{name: broken, settings: {evaluation.sets.other: \(small.folder.path)/later}}]\n"
    }
    for retries in [false, false, true] {
      let parts = try run(runs, ranks: 3, retriesFailed: retries)
      #expect(parts.allSatisfy { $0.outcome == .done(failed: ["broken"], taken: []) })
    }
    try SmallCorpus.prepare(small.folder, name: "later", seed: 1)
    let parts = try run(runs, ranks: 3, retriesFailed: true)
    #expect(parts.allSatisfy { $0.outcome == .done(failed: [], taken: []) })
    #expect(parts.flatMap(\.begun) == ["broken"])
  }

  @Test func anInterruptedRankLeavesACellThatGoesOn() throws {
    let runs = try small.runs("runs")
    let parts = try run(runs, ranks: 2) { rank, question in rank == 1 && question > 4 }
    #expect(parts.allSatisfy { $0.outcome == .interrupted })
    #expect(try run(runs, ranks: 3).allSatisfy { $0.outcome == .done(failed: [], taken: []) })
    for cell in runs.experiment.cells { #expect(try runs.state(cell) == .finished) }
  }
}
