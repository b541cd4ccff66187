import CastleCluster
import CastleFormats
import CastleMeasurement
import CastleTraining
import Foundation
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
        {"step":2,"tokens":2,"epoch":0.5,"loss":0.5,"learning_rate":0.001,\
        "gradient_norm":0.30000000000000004,"skipped":true}

        """)
  }

  @Test func textIsEscaped() throws {
    let folder = try TemporaryFolder()
    let records = try RunRecords(folder: folder.path, position: [:], step: 0)
    try records.add(sample: "\"\\\n\u{1}é", prompt: "a", step: 1)
    #expect(
      try folder.text("samples.jsonl") == #"{"step":1,"prompt":"a","text":"\"\\\n\u0001é"}"# + "\n")
  }

  /// Records up to step 5, and where they ended at step 3.
  private func records(_ folder: TemporaryFolder) throws -> RunRecords.Position {
    let records = try RunRecords(folder: folder.path, position: [:], step: 0)
    try add(1...3, to: records)
    let position = try records.synchronize()
    try add(4...5, to: records)
    return position
  }

  @Test func recordsOfAnotherRunAreRefusedAndNoFileIsCut() throws {
    let folder = try TemporaryFolder()
    var position = try records(folder)
    let metrics = try folder.text("metrics.jsonl")
    let whole = try #require(position["metrics.jsonl"])
    func expectRefusal(step: Int = 3) throws {
      let before = try folder.bytes("metrics.jsonl")
      let error = #expect(throws: InputError.self) {
        try RunRecords(folder: folder.path, position: position, step: step)
      }
      #expect(error?.description.contains("metrics.jsonl does not hold the records") == true)
      #expect(try folder.bytes("metrics.jsonl") == before)
      #expect(try folder.text("timing.jsonl").contains("\"step\":5"))
    }
    // In the middle of a line, behind the end, and after or before another step.
    for place in [whole - 1, whole + 1, whole + 10_000] {
      position["metrics.jsonl"] = place
      try expectRefusal()
    }
    position["metrics.jsonl"] = whole
    try expectRefusal(step: 2)
    try expectRefusal(step: 5)
    try folder.write(String(metrics.prefix(30)), to: "metrics.jsonl")
    try expectRefusal()
  }

  /// As where only the checkpoints were copied, and the run was killed before it had saved another.
  @Test func missingRecordsAreToldAndBeginAnew() throws {
    let folder = try TemporaryFolder()
    let position = try records(folder)
    func reopened() throws -> (records: RunRecords, notes: [String]) {
      var notes: [String] = []
      let records = try RunRecords(folder: folder.path, position: position, step: 3) { notes.append($0) }
      return (records, notes)
    }
    #expect(try reopened().notes.isEmpty)
    try FileManager.default.removeItem(atPath: folder.path("metrics.jsonl"))
    let first = try reopened()
    #expect(first.notes.count == 1)
    #expect(
      first.notes[0].contains("metrics.jsonl is missing: it begins anew after step 3"), "\(first.notes)")
    let empty = try reopened()
    #expect(empty.notes == first.notes)
    try add(4...6, to: empty.records)
    let again = try reopened()
    #expect(again.notes.count == 1 && again.notes[0].contains("metrics.jsonl begins with step 4"))
    try add(4...4, to: again.records)
    #expect(try folder.text("metrics.jsonl").split(separator: "\n").count == 1)
    #expect(try folder.text("timing.jsonl").split(separator: "\n").count == 4)
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
