import CastleCluster
import CastleTraining
import Foundation
import Testing

extension SmallRun {
  /// Whether a rank is asked to end, when it looks for the `question`th time.
  typealias RankInterrupt = @Sendable (_ rank: Int, _ question: Int) -> Bool

  /// Trains as `ranks` ranks, here threads of one process, and returns the weights of each.
  func train(
    _ run: String, ranks: Int, _ settings: [String], resumes: Bool, isInterrupted: @escaping RankInterrupt
  ) throws -> [[Float]] {
    try ThreadCommunicator.run(ranks: ranks) { communicator in
      var questions = 0
      let trainer = try trainer(run, settings, resumes: resumes, communicator: communicator) {
        questions += 1
        return isInterrupted(communicator.world.rank, questions)
      }
      _ = try trainer.run()
      return trainer.weights
    }
  }

  /// The largest difference of the losses that two runs have recorded, relative.
  func lossDifference(_ run: String, _ other: String) throws -> Double {
    let (a, b) = (try losses(run), try losses(other))
    return a.count == b.count ? zip(a, b).map { abs($0 - $1) / abs($1) }.max() ?? 0 : .infinity
  }

  private func losses(_ run: String) throws -> [Double] {
    try metrics(run).split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return try #require((object?["loss"] ?? object?["evaluation_loss"]) as? Double)
    }
  }
}
