import CastleExperiments
import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
import Testing

/// Cells that begin at a checkpoint of another cell.
struct BranchingCellTests {
  private let small: SmallExperiment

  init() throws { small = try SmallExperiment() }

  /// Two trunks, from each of which a run of 6 steps branches after step 4.
  private static func branching(_ yaml: String) -> String {
    yaml.replacing(
      "axes:\n",
      with: """
        axes:
          part:
            decayed:
              branch: {from: {part: trunk}, step: 4}
              schedule: {kind: warm-up-stable-decay, decay: 2}
            trunk: {schedule.kind: constant, checkpoints.permanent-every: 4}

        """
    ).replacing("seed: [1, 2]", with: "seed: [1]")
  }

  @Test func aBranchGoesOnFromTheOther() throws {
    let runs = try small.runs("runs", Self.branching)
    let progress = RecordingExperimentProgress()
    #expect(try small.run(runs, progress: progress) == .done(failed: [], taken: []))
    #expect(
      progress.finished == [
        "trunk_seed-1_causal", "trunk_seed-1_castle", "decayed_seed-1_causal", "decayed_seed-1_castle",
      ])
    let trunk = try #require(try runs.history(runs.experiment.cell("trunk_seed-1_castle")))
    let branch = try #require(try runs.history(runs.experiment.cell("decayed_seed-1_castle")))
    #expect(branch.branch == "trunk_seed-1_castle after step 4" && trunk.branch == nil)
    #expect(branch.steps == 6 && branch.tokens == trunk.tokens)
    // The first step after the branch has the trunk's loss, and a lower rate from then on.
    #expect(branch.training.map(\.tokens) == [5 * 48, 6 * 48])
    #expect(branch.training[0].loss == trunk.training[4].loss)
  }

  @Test func interruptedAtAnyMomentItIsTheSame() throws {
    let whole = try small.runs("whole", Self.branching)
    try small.run(whole)
    let runs = try small.runs("interrupted", Self.branching)
    var rounds = 0
    var outcome = ExperimentRunner.Outcome.interrupted
    while outcome == .interrupted, rounds < 100 {
      rounds += 1
      var questions = 0
      outcome = try small.run(runs) {
        questions += 1
        return questions > 5 + 2 * rounds
      }
    }
    #expect(outcome == .done(failed: [], taken: []) && rounds > 3)
    for cell in whole.experiment.cells {
      #expect(try small.metrics(runs, cell) == small.metrics(whole, cell))
    }
  }

  @Test func aBranchAloneSaysWhatItNeeds() throws {
    let runs = try small.runs("runs", Self.branching)
    let name = "decayed_seed-1_causal"
    let error = try #require(throws: InputError.self) { try small.run(runs, only: [name]) }
    #expect(
      error.description
        == "\(name): it branches from trunk_seed-1_causal after step 4, which is not there: "
        + "let castle experiment run do trunk_seed-1_causal first")
    #expect(try runs.state(runs.experiment.cell(name)) == .missing)
  }

  @Test(arguments: [
    ("permanent-every: 4", "permanent-every: 3", "keeps no checkpoint after step 4"),
    ("permanent-every: 4", "permanent-every: 0", "keeps no checkpoint after step 4"),
    ("step: 4", "step: 8", "has 6 steps, but branch.step is 8"),
  ])
  func aCheckpointThatNobodyKeepsIsNamedInThePlan(old: String, new: String, words: String) throws {
    let runs = try small.runs("runs") { Self.branching($0).replacing(old, with: new) }
    let error = try #require(throws: InputError.self) { try CellEstimate.all(in: runs, peakRate: 1e11) }
    #expect(error.description.contains(words), "\(error)")
  }

  @Test func aBranchFromElsewhereIsAnotherExperiment() throws {
    let runs = try small.runs("runs", Self.branching)
    try small.run(runs)
    let changed = try small.runs("runs") {
      Self.branching($0).replacing("step: 4", with: "step: 2").replacing(
        "permanent-every: 4", with: "permanent-every: 2")
    }
    let error = try #require(throws: InputError.self) { try small.run(changed) }
    #expect(error.description.contains("branched from trunk_seed-1_causal after step 4"), "\(error)")
  }

  @Test func onlyWhatIsLeftIsEstimated() throws {
    let runs = try small.runs("runs", Self.branching)
    let rows = try CellEstimate.all(in: runs, peakRate: 1e11)
    #expect(abs(rows[2].seconds / rows[0].seconds - 1.0 / 3) < 1e-9)
  }
}
