import CastleFormats
import CastleMeasurement
import CastleTraining
import Testing

struct RunRecordsTests {
  private func add(_ steps: ClosedRange<Int>, to records: RunRecords) throws {
    for step in steps {
      try records.add(
        StepMetrics(
          step: step, tokens: step, epoch: Double(step) / 4, loss: 1 / Double(step), learningRate: 1e-3,
          gradientNorm: 0.1 + 0.2, isSkipped: step == 2),
        StepTiming(step: step, seconds: 1, tokensPerSecond: 1, memory: 1))
    }
  }

  @Test func aContinuedRunHasNoStepTwice() throws {
    let straight = try TemporaryFolder()
    try add(1...6, to: RunRecords(folder: straight.path, position: [:], step: 0))

    let folder = try TemporaryFolder()
    let first = try RunRecords(folder: folder.path, position: [:], step: 0)
    try add(1...3, to: first)
    let position = try first.synchronize()
    try add(4...5, to: first)
    try add(4...6, to: RunRecords(folder: folder.path, position: position, step: 3))
    #expect(try folder.bytes("metrics.jsonl") == straight.bytes("metrics.jsonl"))
  }

  @Test func aStepIsOneLineOfJSON() throws {
    let folder = try TemporaryFolder()
    try add(2...2, to: RunRecords(folder: folder.path, position: [:], step: 0))
    #expect(
      try folder.text("metrics.jsonl")
        == """
        {"step":2,"tokens":2,"epoch":0.5,"loss":0.5,"learning_rate":0.001,"gradient_norm":0.30000000000000004,"skipped":true}

        """)
  }

  @Test func textIsEscaped() throws {
    let folder = try TemporaryFolder()
    let records = try RunRecords(folder: folder.path, position: [:], step: 0)
    try records.add(sample: "\"\\\n\u{1}é", prompt: "a", step: 1)
    #expect(
      try folder.text("samples.jsonl") == #"{"step":1,"prompt":"a","text":"\"\\\n\u0001é"}"# + "\n")
  }

  @Test func recordsShorterThanTheirCheckpointSaysAreRefused() throws {
    let folder = try TemporaryFolder()
    #expect(throws: InputError.self) {
      try RunRecords(folder: folder.path, position: ["metrics.jsonl": 10], step: 1)
    }
  }

  @Test func theMainRankAloneWrites() throws {
    let folder = try TemporaryFolder()
    let records = try RunRecords(
      folder: folder.path, position: ["metrics.jsonl": 10], step: 1, world: World(rank: 1, size: 2))
    try add(1...2, to: records)
    #expect(try records.synchronize().isEmpty)
    #expect(try folder.names().isEmpty)
  }
}
