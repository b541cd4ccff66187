import CastleEvaluation
import CastleFormats
import CastleMeasurement
import CastleReports
import CastleTraining
import Foundation
import Testing

struct RunComparisonTests {
  private func run(_ folder: TemporaryFolder, losses: [Double]) throws -> RunHistory {
    let records = try RunRecords(folder: folder.path, position: [:], step: 0)
    for (index, loss) in losses.enumerated() {
      let step = index + 1
      try records.add(
        StepMetrics(
          step: step, tokens: step * 64, epoch: 0, loss: loss, learningRate: 0.1, gradientNorm: 1,
          isSkipped: false),
        StepTiming(step: step, seconds: Double(step), tokensPerSecond: 64, memory: 1))
    }
    try records.add([
      EvaluationMetrics(
        step: losses.count, trainedTokens: losses.count * 64, set: "validation",
        result: EvaluationResult(loss: losses.last! + 1, tokens: 10, bitsPerByte: nil))
    ])
    return try RunHistory(folder: folder.path)
  }

  @Test func differencesAreAgainstTheFirstRun() throws {
    let folders = try [TemporaryFolder(), TemporaryFolder()]
    let comparison = RunComparison(runs: [
      try run(folders[0], losses: [3, 2]), try run(folders[1], losses: [3, 2, 1.5]),
    ])
    #expect(comparison.rows[1].evaluationLosses == ["validation": 2.5])
    #expect(comparison.rows[1].differences == ["validation": -0.5])
    #expect(comparison.rows[1].seconds == 3)
    #expect(comparison.table.contains("-0.5000"))
    #expect(comparison.html.contains("<svg") && !comparison.html.contains("http"))
  }

  @Test func anUnfinishedLastLineIsPassedOver() throws {
    let folder = try TemporaryFolder()
    let whole = try run(folder, losses: [3, 2])
    for name in ["metrics.jsonl", "timing.jsonl"] {
      let handle = try #require(FileHandle(forWritingAtPath: folder.path + "/" + name))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data("{\"step\":3,\"tok".utf8))
    }
    let history = try RunHistory(folder: folder.path)
    #expect(history.steps == whole.steps && history.evaluations == whole.evaluations)
  }

  @Test func aFolderWithoutARunIsNamed() throws {
    let folder = try TemporaryFolder()
    #expect(throws: InputError.self) { try RunHistory(folder: folder.path) }
    try Data("{\"step\":1,\"tok\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/metrics.jsonl"))
    try Data().write(to: URL(fileURLWithPath: folder.path + "/timing.jsonl"))
    #expect(throws: InputError("\(folder.path)/metrics.jsonl:1: not a record of a run")) {
      try RunHistory(folder: folder.path)
    }
  }
}
