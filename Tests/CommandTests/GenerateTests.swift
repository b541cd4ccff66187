import CastleMeasurement
import Foundation
import Testing

struct GenerateTests {
  let model: String

  init() throws {
    model = try TinyModel.shared.get().model
  }

  private func generate(_ arguments: String..., input: String = "") throws -> String {
    try generate(arguments, input: input)
  }

  private func generate(_ arguments: [String], input: String = "") throws -> String {
    try CastleProcess.output(["generate", "--model", model, "--threads", "1"] + arguments, input: input)
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func theSameSeedWritesTheSameText() throws {
    let first = try generate("--prompt", "Line 1", "--seed", "3")
    #expect(try generate("--prompt", "Line 1", "--seed", "3") == first)
    #expect(try generate("--prompt", "Line 1", "--seed", "4") != first)
  }

  @Test func thePromptMayComeFromStandardInputOrAFile() throws {
    let expected = try generate("--prompt", "To be")
    #expect(try generate("--prompt-file", "-", input: "To be") == expected)
    let folder = try TemporaryFolder()
    let file = try folder.write("To be", to: "prompt.txt")
    #expect(try generate("--prompt-file", file) == expected)
  }

  @Test func jsonHoldsTheTextAndTheCounts() throws {
    let object = try object(generate("--prompt", "Line", "--max-tokens", "20", "--json"))
    let text = try generate("--prompt", "Line", "--max-tokens", "20")
    #expect(object["text"] as? String == String(text.dropLast()))
    #expect(object["generated_tokens"] as? Int == 20)
    #expect(object["finish_reason"] as? String == "maximum-tokens")
    #expect(object["decode_tokens_per_second"] as? Double ?? 0 > 0)
  }

  @Test func textEndsBeforeAStopString() throws {
    let arguments = ["--prompt", "Line", "--max-tokens", "60", "--temperature", "0.3"]
    let whole = try String(generate(arguments).dropLast())
    let middle = whole.index(whole.startIndex, offsetBy: whole.count / 2)
    let stop = String(whole[middle...].prefix(3))
    let end = try #require(whole.range(of: stop)).lowerBound
    let object = try object(generate(arguments + ["--stop", "@@@", "--stop", stop, "--json"]))
    #expect(object["text"] as? String == String(whole[..<end]))
    #expect(object["finish_reason"] as? String == "stop-sequence")
  }

  @Test func thePromptGetsTheTokenizersSpecialTokens() throws {
    func promptTokens(_ more: String...) throws -> Int {
      let arguments = ["--prompt", "Line", "--max-tokens", "1", "--json"]
      return try #require(try object(generate(arguments + more))["prompt_tokens"] as? Int)
    }
    #expect(try promptTokens() == promptTokens("--no-special-tokens") + 1)
    try CastleProcess.expectRefusal(
      ["generate", "--model", model, "--no-special-tokens"], naming: "the prompt is empty")
  }

  @Test func theGenerationFileSaysWhatEndsAText() throws {
    let folder = try TemporaryFolder()
    let copy = try TinyModel.shared.get().copy(in: folder, changing: "generation_config.json") {
      $0 = Array(#"{"eos_token_id": [\#((0..<300).map(String.init).joined(separator: ","))]}"#.utf8)
    }
    let output = try CastleProcess.output(["generate", "--model", copy, "--prompt", "Line", "--json"])
    let result = try object(output)
    #expect(result["text"] as? String == "" && result["generated_tokens"] as? Int == 1)
    #expect(result["finish_reason"] as? String == "end-token")
  }

  @Test func withoutAPromptANewDocumentBegins() throws {
    #expect(try !generate("--max-tokens", "10").isEmpty)
  }

  @Test func aFullContextEndsTheTextAndIsReported() throws {
    let result = try CastleProcess.run(
      ["generate", "--model", model, "--prompt", "Line", "--max-tokens", "100000", "--temperature", "0"])
    #expect(result.exitCode == 0)
    #expect(result.errorOutput.contains("reads no more than"))
  }

  @Test func aPromptLongerThanTheContextIsRefused() throws {
    let prompt = String(repeating: "qzx ", count: 2_000)
    try CastleProcess.expectRefusal(
      ["generate", "--model", model, "--prompt-file", "-"], naming: "prompt has", "at most", input: prompt)
  }

  @Test(arguments: [
    ["--temperature", "-1"], ["--top-k", "-3"], ["--top-p", "1.5"], ["--min-p", "2"],
    ["--repetition-penalty", "0"], ["--max-tokens", "-5"], ["--threads", "0"], ["--seed", "abc"],
    ["--seed", "-1"], ["--top-k", "-1"],
  ])
  func valuesOutsideTheirRangeAreNamed(option: [String]) throws {
    try CastleProcess.expectRefusal(
      ["generate", "--model", model, "--prompt", "Line"] + option, naming: option[1],
      String(option[0].dropFirst(2)))
  }

  @Test(arguments: [
    (["--seed", "-1"], "from 0 to 18446744073709551615"),
    (["--top-k", "-1"], "0 for all tokens, or 1 or more"),
  ])
  func rangesAreNamed(option: [String], range: String) throws {
    try CastleProcess.expectRefusal(
      ["generate", "--model", model, "--prompt", "Line"] + option, naming: range)
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func aFullDiskIsReported() throws {
    for option in [[], ["--json"]] {
      try CastleProcess.expectRefusal(
        ["generate", "--model", model, "--prompt", "Line"] + option, naming: "standard output",
        outputFile: "/dev/full")
    }
  }
}
