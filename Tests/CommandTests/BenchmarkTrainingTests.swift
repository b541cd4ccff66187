import CastleMeasurement
import Foundation
import Testing

struct BenchmarkTrainingTests {
  private struct Report: Decodable {
    struct Row: Decodable {
      var part: String
      var phase: String
      var seconds: Double
      var boundSeconds: Double
    }

    struct Memory: Decodable {
      var peak: Int
      var planned: Int
      var weights: Int
      var moments: Int
    }

    var parameters: Int
    var batchSize: Int
    var length: Int
    var recomputes: Bool
    var rows: [Row]
    var sumOfPartsSeconds: Double
    var otherSeconds: Double
    var stepSeconds: Double
    var shareOfRateAroundStep: Double
    var tokensPerSecond: Double
    var memory: Memory

    func has(_ part: String, _ phase: String) -> Bool {
      rows.contains { $0.part == part && $0.phase == phase && $0.seconds > 0 && $0.boundSeconds > 0 }
    }
  }

  private static let arguments = [
    "benchmark", "training", "--batch-size", "2", "--length", "40", "--repetitions", "2",
  ]

  @Test(arguments: ["1m-causal", "1m-castle", "1m-castle-swl"])
  func theReportSplitsTheStep(preset: String) throws {
    let report = try CastleProcess.decode(Report.self, Self.arguments + ["--model", preset])
    for part in [
      "data", "embedding", "norms", "projections", "rotary", "attention", "mlp products", "swiglu", "head",
      "loss",
    ] {
      #expect(report.has(part, "forward"), "\(part)")
    }
    for part in [
      "embedding", "norms", "projections", "rotary", "attention", "mlp products", "swiglu", "head",
    ] {
      #expect(report.has(part, "backward"), "\(part)")
    }
    for part in ["clearing gradients", "gradient norm", "optimizer"] {
      #expect(report.has(part, "update"), "\(part)")
    }
    #expect(!report.rows.contains { $0.part == "unassigned operations" })
    #expect((0.0001..<2).contains(report.shareOfRateAroundStep))
    let recomputed = report.rows.filter { $0.phase == "recomputation" }.map(\.part)
    #expect(recomputed == ["swiglu"])
    #expect(abs(report.sumOfPartsSeconds + report.otherSeconds - report.stepSeconds) < 1e-9)
    #expect(abs(report.tokensPerSecond * report.stepSeconds - 80) < 1e-6)
    #expect(report.memory.weights == 4 * report.parameters && report.memory.moments == 8 * report.parameters)
    #expect(abs(Double(report.memory.peak) / Double(report.memory.planned) - 1) < 0.5)
  }

  @Test func settingsOfTrainingShapeTheModel() throws {
    let folder = try TemporaryFolder()
    try folder.write("training: {batch-size: 3, sequence-length: 20, recompute: true}", to: "run.yaml")
    let report = try CastleProcess.decode(
      Report.self,
      [
        "benchmark", "training", "--config", folder.path("run.yaml"), "--model", "1m-castle", "--repetitions",
        "1", "--set", "model.layers=2", "--set", "model.hidden-size=64", "--set", "model.heads=2", "--set",
        "model.head-size=16", "--set", "model.vocabulary-size=100", "--set", "model.tied-embeddings=false",
      ])
    #expect(report.parameters == 2 * (7 * 32 * 64 + 3 * 170 * 64 + 2 * 64) + 64 + 2 * 100 * 64)
    #expect(report.batchSize == 3 && report.length == 20 && report.recomputes)
    #expect(report.has("attention", "recomputation"))
  }

  @Test func theTableNamesPartsFloorsAndMemory() throws {
    let output = try CastleProcess.output(Self.arguments + ["--model", "1m-castle", "--recompute"])
    for word in [
      "agree with the reference", "of peak", "mlp products", "recomputation", "sum of the parts", "other",
      "bound of the step", "of the product rate around each step", "tokens/s",
      "neither matrix product nor attention", "planned", "activations",
    ] {
      #expect(output.contains(word), "\(word)")
    }
  }

  @Test func badValuesAreNamed() throws {
    func refuse(_ arguments: String..., naming word: String) throws {
      try CastleProcess.expectRefusal(["benchmark", "training"] + arguments, naming: word)
    }
    try refuse("--model", "huge", naming: "huge")
    try refuse("--repetitions", "0", naming: "--repetitions is 0")
    try refuse("--batch-size", "0", naming: "--batch-size is 0")
    try refuse("--length", "1", naming: "--length is 1")
    try refuse("--set", "model.hiden-size=4", naming: "model.hidden-size")
    try refuse("--set", "model.initial=x", naming: "model.initial")
    try refuse("--set", "model.from-causal=x", naming: "model.from-causal")
    try refuse("--config", "/no/such.yaml", naming: "/no/such.yaml")
    try refuse("--model", "xl-castle", "--batch-size", "60000", naming: "training.batch-size")
  }
}
