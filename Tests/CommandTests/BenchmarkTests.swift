import Foundation
import Testing

/// `castle benchmark matmul`, `bandwidth` and `attention`, at sizes that take no time.
struct BenchmarkTests {
  private struct Rate: Decodable {
    var unit: String
    var best: Double
    var median: Double
  }

  private struct Report: Decodable {
    struct Row: Decodable {
      var mechanism: String
      var length: Int
      var pass: String
      var heads: Int
      var seconds: Double
      var medianSeconds: Double
      var boundSeconds: Double
      var timeOverCausal: Double?
    }

    var productRate: Double
    var copyBandwidth: Double
    var rows: [Row]
  }

  private func decode<Value: Decodable>(_ type: Value.Type, _ arguments: String...) throws -> Value {
    try CastleProcess.decode(type, ["benchmark"] + arguments)
  }

  @Test func peaksAreMeasured() throws {
    let product = try decode(Rate.self, "matmul", "--size", "64", "--repetitions", "2")
    let copy = try decode(Rate.self, "bandwidth", "--megabytes", "1", "--repetitions", "2")
    for (rate, unit) in [(product, "GFLOP/s"), (copy, "GB/s")] {
      #expect(rate.unit == unit)
      #expect(rate.median > 0 && rate.best >= rate.median)
    }
  }

  @Test func everyMechanismAndPassHasARow() throws {
    let report = try decode(
      Report.self, "attention", "--lengths", "1,7,65", "--repetitions", "1", "--heads", "2", "--causal-heads",
      "3",
      "--passes", "forward,forward+backward,prefill,chunked-prefill,decode")
    #expect(report.productRate > 0 && report.copyBandwidth > 0)
    #expect(report.rows.count == 3 * 3 * 5)
    for row in report.rows {
      #expect(row.seconds > 0 && row.medianSeconds >= row.seconds && row.boundSeconds > 0)
      #expect(row.heads == (row.mechanism == "causal" ? 3 : 2))
      #expect(row.mechanism != "causal" || row.timeOverCausal == 1)
    }
  }

  private struct WeightReport: Decodable {
    struct Row: Decodable {
      var outputs: Int
      var inputs: Int
      var format: String
      var rows: Int
      var seconds: Double
      var medianSeconds: Double
      var boundSeconds: Double
      var weightError: Double
    }

    var readBandwidth: Double
    var rows: [Row]
  }

  @Test func everyFormatAndNumberOfRowsHasARow() throws {
    let report = try decode(
      WeightReport.self, "weights", "--size", "33x65,128x40", "--rows", "1,3,40", "--repetitions", "1")
    #expect(report.readBandwidth > 0)
    #expect(report.rows.count == 2 * 3 * 4)
    for row in report.rows {
      #expect(row.seconds > 0 && row.medianSeconds >= row.seconds && row.boundSeconds > 0)
      #expect((row.format == "float32") == (row.weightError == 0))
      #expect(row.weightError < 0.1)
    }
  }

  @Test func badValuesAreNamed() throws {
    func refuse(_ arguments: String..., naming word: String) throws {
      try CastleProcess.expectRefusal(["benchmark"] + arguments, naming: word)
    }
    try refuse("matmul", "--size", "-3", naming: "--size is -3")
    try refuse("matmul", "--repetitions", "9223372036854775807", naming: "--repetitions")
    try refuse("bandwidth", "--megabytes", "0", naming: "--megabytes is 0")
    try refuse("attention", "--lengths", "7,x", naming: "\"x\"")
    try refuse("attention", "--lengths", "1000000", "--heads", "1024", naming: "--lengths 1000000")
    try refuse("attention", "--passes", "sideways", naming: "sideways")
    try refuse("attention", "--mechanisms", "castel", naming: "castel")
    try refuse("weights", "--size", "7x7,8", naming: "\"8\"")
    try refuse("weights", "--size", "1000000x1000000", naming: "--size 1000000x1000000")
    try refuse("weights", "--rows", "0", naming: "\"0\"")
    try refuse("weights", "--format", "int5", naming: "int5")
  }
}
