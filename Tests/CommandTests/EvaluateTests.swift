import CastleFormats
import CastleMeasurement
import Foundation
import Testing

@Suite struct EvaluateTests {
  private struct Output: Decodable {
    struct Task: Decodable {
      var name: String
      var kind: String
      var items: Int
      var cutItems: Int
      var acc: Double
      var accStderr: Double?
      var accNorm: Double?
      var perplexity: Double?
    }

    struct Group: Decodable {
      var name: String
      var sets: Int
      var acc: Double
    }

    var shots: Int
    var seed: Int?
    var tasks: [Task]
    var groups: [Group]
  }

  private struct Copying: Decodable {
    var sequences: Int
    var length: Int
    var firstHalfLoss: Double
    var secondHalfLoss: Double
    var inductionScore: Double
    var inductionScoreStderr: Double?
  }

  private func tasks() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let pair = #"{"sentence_good": "to be, or not to be", "sentence_bad": "zq, vx kw jj zq vx"}"#
    try folder.write("\(pair)\n\(pair)\n", to: "pairs/likely.jsonl")
    let choices = (0..<4).map {
      #"{"context": "to be, or", "choices": ["not to be", "zq zq"], "answer": \#($0 % 2)}"#
    }
    try folder.write(choices.joined(separator: "\n"), to: "choices.jsonl")
    try folder.write(#"{"context": "to be, or not to", "continuation": "be"}"#, to: "cloze.jsonl")
    return folder
  }

  @Test func tasksAreScored() throws {
    let model = try TinyModel.shared.get().model
    let folder = try tasks()
    let paths = ["pairs", "choices.jsonl", "cloze.jsonl"].map(folder.path).joined(separator: ",")
    let arguments = ["evaluate", "--model", model, "--tasks", paths]
    let output = try CastleProcess.decode(Output.self, arguments)
    #expect(output.shots == 0 && output.seed == nil)
    #expect(output.tasks.map(\.name) == ["likely", "choices", "cloze"])
    #expect(output.tasks.map(\.kind) == ["sentence_pairs", "multiple_choice", "cloze"])
    #expect(output.tasks.map(\.acc) == [1, 0.5, output.tasks[2].acc])
    #expect(output.tasks.map { $0.accNorm != nil } == [false, true, false])
    #expect(output.tasks.map { $0.perplexity != nil } == [false, false, true])
    #expect(output.groups.map(\.name) == ["pairs"] && output.groups[0].acc == 1)
    let table = try CastleProcess.output(arguments).split(separator: "\n")
    #expect(table.count == 5 && table[0].hasPrefix("task"))
    #expect(table[2].contains("mean of 1 set") && table[2].contains("1.0000 ± 0.0000"))
    let shots = arguments + ["--shots", "1", "--seed", "4"]
    let refused = try CastleProcess.run(shots)
    #expect(refused.exitCode == 1 && refused.errorLines.first?.contains("sentence pairs") == true)
    let one = try CastleProcess.decode(
      Output.self,
      ["evaluate", "--model", model, "--tasks", folder.path("choices.jsonl"), "--shots", "1", "--seed", "4"])
    #expect(one.shots == 1 && one.seed == 4 && one.tasks.count == 1)
  }

  @Test func copyingIsMeasured() throws {
    let model = try TinyModel.shared.get().model
    let output = try CastleProcess.decode(
      Copying.self, ["evaluate", "--model", model, "--repeated-text", "--sequences", "5", "--length", "20"])
    #expect(output.sequences == 5 && output.length == 20)
    #expect(abs(output.inductionScore - (output.firstHalfLoss - output.secondHalfLoss)) < 1e-9)
    #expect(output.inductionScoreStderr != nil)
  }

  @Test(
    arguments: [
      ([], "--data, --tasks and --repeated-text"), (["--data", "x", "--repeated-text"], "give one of"),
      (["--data", "x", "--shots", "1"], "--shots goes with --tasks"),
      (["--data", "x", "--seed", "1"], "--seed goes with"),
      (["--tasks", "x", "--length", "9"], "--length goes with"),
      (["--tasks", "x", "--batch-size", "9"], "--batch-size goes with --data"),
      (["--tasks", "x", "--shots-from", "y"], "--shots-from goes with --shots"),
      (["--tasks", "x", "--shots", "-1"], "--shots is -1"), (["--tasks", "x,,y"], "a path is empty"),
      (["--tasks", "nowhere.jsonl"], "there is no task file or folder nowhere.jsonl"),
      (["--repeated-text", "--sequences", "0"], "--sequences is 0"),
      (["--repeated-text", "--length", "3"], "at least 1 of 4"),
      (["--repeated-text", "--length", "100000"], "longer than the model"),
      (["--data", "x", "--sequences", "2"], "--sequences goes with"),
    ] as [([String], String)])
  func badArgumentsAreNamed(arguments: [String], words: String) throws {
    let model = try TinyModel.shared.get().model
    try CastleProcess.expectRefusal(["evaluate", "--model", model] + arguments, naming: words)
  }

  @Test func tasksNeedATokenizer() throws {
    let folder = try tasks()
    let model = try TinyModel.shared.get().copy(in: folder, changing: "config.json") { _ in }
    try FileManager.default.removeItem(atPath: model + "/tokenizer.json")
    try CastleProcess.expectRefusal(
      ["evaluate", "--model", model, "--tasks", folder.path("cloze.jsonl")], naming: "tokenizer.json")
  }

  @Test func theWorkCanBeInterrupted() throws {
    let folder = try tasks()
    let line = #"{"context": "to be, or", "continuation": "not to be, that is the question"}"#
    try folder.write(String(repeating: line + "\n", count: 200_000), to: "long.jsonl")
    let model = try TinyModel.shared.get().model
    let error = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("", to: "error")))
    let run = try BackgroundRun(
      ["evaluate", "--model", model, "--tasks", folder.path("long.jsonl")], standardError: error)
    run.wait(for: "the first progress line") { (try? folder.text("error"))?.contains("eta") == true }
    run.signal(SIGINT)
    #expect(try run.end().exitCode == 1)
    #expect(try folder.text("error").hasSuffix("error: interrupted; there is no result\n"))
  }
}
