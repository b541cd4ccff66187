import CastleMeasurement
import Foundation
import Testing

struct InspectTests {
  @Test func aPageIsWritten() throws {
    let tiny = try TinyModel.shared.get()
    let folder = try TemporaryFolder()
    let result = try CastleProcess.run(
      [
        "inspect", "--model", tiny.model, "--output", folder.path("look.html"), "--prompt",
        "to be, or not to be",
      ])
    #expect(result.exitCode == 0 && result.output.isEmpty)
    #expect(result.errorOutput.contains("2 heads"))
    let page = try folder.text("look.html")
    #expect(page.hasPrefix("<!doctype html>") && page.contains("run: lookahead keys"))
  }

  @Test func theTraceIsPrinted() throws {
    struct Trace: Decodable {
      struct Head: Decodable { var layer, head: Int }
      var tokens: [String]
      var heads: [Head]
    }
    struct Written: Decodable { var tokens, heads, bytes: Int }
    let tiny = try TinyModel.shared.get()
    let folder = try TemporaryFolder()
    try folder.write("to be, or not to be", to: "text.txt")
    let arguments = ["inspect", "--model", tiny.model, "--prompt-file", folder.path("text.txt")]
    let trace = try CastleProcess.decode(Trace.self, arguments + ["--layer", "0", "--head", "1"])
    #expect(trace.tokens.joined() == "<|endoftext|>to be, or not to be")
    #expect(trace.heads.map { [$0.layer, $0.head] } == [[0, 1]])
    let bare = try CastleProcess.decode(Trace.self, arguments + ["--no-special-tokens"])
    #expect(bare.tokens.joined() == "to be, or not to be" && bare.heads.count == 2)
    let written = try CastleProcess.decode(Written.self, arguments + ["--output", folder.path("look.html")])
    #expect(written.tokens == trace.tokens.count && written.heads == 2)
    #expect(written.bytes == (try folder.text("look.html")).utf8.count)
  }

  @Test(arguments: [
    (["--prompt", "to be", "--layer", "1"], "no layer 1"),
    (["--prompt", "to be", "--head", "9"], "no head 9"),
    (["--prompt", "to be", "--max-tokens", "2"], "more than the limit of 2"),
    (["--prompt", ""], "empty"), (["--prompt-file", "/no/such/file"], "/no/such/file"),
    (["--prompt", "a", "--prompt-file", "b"], "either"), ([], "either"),
    (["--prompt", "to be", "--max-tokens", "0"], "--max-tokens 0"),
  ])
  func whatCannotBeShownIsRefused(arguments: [String], word: String) throws {
    let tiny = try TinyModel.shared.get()
    let folder = try TemporaryFolder()
    let page = folder.path("look.html")
    try CastleProcess.expectRefusal(
      ["inspect", "--model", tiny.model, "--output", page] + arguments, naming: word)
    #expect(!FileManager.default.fileExists(atPath: page))
  }

  @Test func somethingMustBeAskedFor() throws {
    let tiny = try TinyModel.shared.get()
    try CastleProcess.expectRefusal(
      ["inspect", "--model", tiny.model, "--prompt", "to be"], naming: "--output")
  }
}
