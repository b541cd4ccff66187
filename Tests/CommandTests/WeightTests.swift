import CastleMeasurement
import Foundation
import Testing

/// `castle quantize`, `--weights` and `castle benchmark decode`.
struct WeightTests {
  private struct Evaluation: Decodable { var loss: Double }
  private struct Summary: Decodable {
    var format: String
    var bytes: Int
    var originalBytes: Int
    var relativeError: Double
  }

  @Test func everyFormatWritesTextAndIsMeasured() throws {
    let tiny = try TinyModel.shared.get()
    let folder = try TemporaryFolder()
    func loss(_ model: String, _ options: String...) throws -> Double {
      try CastleProcess.decode(
        Evaluation.self, ["evaluate", "--model", model, "--data", tiny.textFile] + options
      ).loss
    }
    let reference = try loss(tiny.model)
    for (format, limit) in [("bf16", 0.01), ("int8", 0.02), ("int4", 0.2)] {
      let output = folder.path(format)
      let summary = try CastleProcess.decode(
        Summary.self, ["quantize", "--model", tiny.model, "--weights", format, "--output", output])
      #expect(summary.format == format && summary.relativeError > 0 && summary.relativeError < 0.1)
      let found = try loss(tiny.model, "--weights", format)
      #expect(abs(found - reference) < limit * reference)
      #expect(try loss(output, "--weights", format) == found)
      let arguments = ["generate", "--max-tokens", "20", "--prompt", "Line 3: to be"]
      let text = try CastleProcess.output(arguments + ["--model", tiny.model, "--weights", format])
      #expect(try CastleProcess.output(arguments + ["--model", output]) == text)
    }
    try CastleProcess.expectRefusal(
      [
        "model.initial=\(folder.path("int8"))", "data.shards=\(tiny.shards)", "output=\(folder.path("run"))",
        "training.steps=1", "training.batch-size=1", "training.sequence-length=16",
      ].reduce(["train"]) { $0 + ["--set", $1] },
      naming: "weights are int8")
    try CastleProcess.expectRefusal(
      ["quantize", "--model", tiny.model, "--weights", "float32", "--output", folder.path("x")],
      naming: "float32")
    try CastleProcess.expectRefusal(
      ["generate", "--model", folder.path("int8"), "--weights", "int4"], naming: "int8", "int4")
  }

  private struct Report: Decodable {
    struct Row: Decodable {
      var format: String
      var batch: Int
      var tokensPerSecond: Double
      var boundTokensPerSecond: Double
    }
    var rows: [Row]
  }

  @Test func decodingIsTimedForEveryFormatAndBatch() throws {
    let report = try CastleProcess.decode(
      Report.self,
      [
        "benchmark", "decode", "--model", "1m-castle", "--prompt", "20", "--batch", "1,3", "--repetitions",
        "2",
      ])
    #expect(report.rows.count == 8)
    #expect(report.rows.allSatisfy { $0.tokensPerSecond > 0 && $0.boundTokensPerSecond > 0 })
    try CastleProcess.expectRefusal(["benchmark", "decode", "--batch", "0"], naming: "\"0\"")
    try CastleProcess.expectRefusal(["benchmark", "decode", "--model", "nothing"], naming: "nothing")
  }
}
