import CastleMeasurement
import Foundation
import Testing

/// `castle tokenizer`, `castle tokenize`, `castle detokenize` and `castle prepare`, from outside.
struct TextCommandTests {
  private let folder: TemporaryFolder
  private let tokenizer: String
  private let text = "the cat sat on the mat; the cat ate the rat\n\"Non \u{E8} vero\" \u{1F600}\n"

  init() throws {
    folder = try TemporaryFolder()
    tokenizer = folder.path("tokenizer.json")
    let corpus = try folder.write(String(repeating: text, count: 50), to: "corpus/a.txt")
    let output = try CastleProcess.output([
      "tokenizer", "train", "--vocab-size", "280", "--output", tokenizer, corpus,
    ])
    #expect(output.contains("280 tokens"))
  }

  private struct Tokenized: Decodable {
    let count: Int
    let bytes: Int
    let ids: [Int32]
  }

  @Test func textGoesThereAndBack() throws {
    let path = try folder.write(text, to: "text.txt")
    let ids = try CastleProcess.output(["tokenize", "--tokenizer", tokenizer, "--file", path])
    #expect(try CastleProcess.output(["tokenize", "--tokenizer", tokenizer], input: text) == ids)
    #expect(try CastleProcess.output(["detokenize", "--tokenizer", tokenizer], input: ids) == text)
    let json = try CastleProcess.output(["tokenize", "--tokenizer", tokenizer, "--json", "--file", path])
    let tokenized = try JSONDecoder().decode(Tokenized.self, from: Data(json.utf8))
    #expect(tokenized.count == tokenized.ids.count && tokenized.bytes == text.utf8.count)
    #expect(tokenized.ids.map(String.init).joined(separator: " ") + "\n" == ids)
    #expect(try CastleProcess.output(["detokenize", "--tokenizer", tokenizer], input: json) == text)
  }

  @Test func aFolderWithATokenizerIsAModelToTokenizeWith() throws {
    let ids = try CastleProcess.output(["tokenize", "--model", folder.path, "the cat<|endoftext|>"])
    #expect(ids.hasSuffix(" 0\n"))
    let ordinary = try CastleProcess.output([
      "tokenize", "--model", folder.path, "--ordinary", "<|endoftext|>",
    ])
    #expect(ordinary.split(separator: " ").count > 1)
  }

  @Test func theTokenizersSpecialTokensCanBeAdded() throws {
    let plain = try CastleProcess.output(["tokenize", "--tokenizer", tokenizer, "the cat"])
    let whole = try CastleProcess.output(
      ["tokenize", "--tokenizer", tokenizer, "--add-special-tokens", "the cat"])
    #expect(whole == "0 " + plain)
  }

  @Test func bytesThatAreNotUTF8CanBeKept() throws {
    let path = try folder.write([0x61, 0xFF, 0x0A], to: "bytes.txt")
    let kept = try CastleProcess.output(
      ["tokenize", "--tokenizer", tokenizer, "--keep-invalid-bytes", "--json", "--file", path])
    let replaced = try CastleProcess.output(["tokenize", "--tokenizer", tokenizer, "--json", "--file", path])
    func ids(_ json: String) throws -> [Int32] {
      try JSONDecoder().decode(Tokenized.self, from: Data(json.utf8)).ids
    }
    #expect(try ids(kept).count == 3)
    #expect(try ids(replaced).count > 3)
  }

  @Test func shardsAreMadeAndDescribed() throws {
    try folder.write(text, to: "corpus/b.md")
    let json = try CastleProcess.output([
      "prepare", "--tokenizer", tokenizer, "--output", folder.path("data"), "--validation-documents", "1",
      "--json",
      folder.path("corpus"),
    ])
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    let train = try #require(object["train"] as? [String: Any])
    let validation = try #require(object["validation"] as? [String: Any])
    #expect(train["documents"] as? Int == 1 && validation["documents"] as? Int == 1)
    #expect(try folder.text("data/manifest.json") == json)
    for name in ["train_000000.bin", "val_000000.bin", "tokenizer.json"] {
      #expect(FileManager.default.fileExists(atPath: folder.path("data/\(name)")))
    }
    let again = ["prepare", "--tokenizer", tokenizer, "--output", folder.path("data"), folder.path("corpus")]
    try CastleProcess.expectRefusal(again, naming: folder.path("data"))
    let output = try CastleProcess.output(again + ["--overwrite"])
    #expect(output.contains("train: 1 document,") && output.contains("MB/s"))
  }

  @Test func specialTokensCanBeLeftOut() throws {
    let ids = try CastleProcess.output(["tokenize", "--tokenizer", tokenizer, "the cat<|endoftext|>"])
    let whole = ["detokenize", "--tokenizer", tokenizer]
    #expect(try CastleProcess.output(whole, input: ids) == "the cat<|endoftext|>")
    #expect(try CastleProcess.output(whole + ["--skip-special-tokens"], input: ids) == "the cat")
    let json = try CastleProcess.output(whole + ["--json"], input: ids)
    #expect(json.contains("\"text\":\"the cat<|endoftext|>\""))
  }

  @Test func aConvertedTokenizerGivesTheSameIDs() throws {
    let copy = folder.path("copy.json")
    _ = try CastleProcess.output(["tokenizer", "convert", "--tokenizer", tokenizer, "--output", copy])
    let ids = try CastleProcess.output(["tokenize", "--tokenizer", copy], input: text)
    #expect(try CastleProcess.output(["tokenize", "--tokenizer", tokenizer], input: text) == ids)
  }

  @Test func preparationFollowsItsOptions() throws {
    try folder.write("{\"body\": \"the cat\"}\n{\"body\": \"the rat\"}\n", to: "lines.jsonl")
    let lines = [
      "prepare", "--tokenizer", tokenizer, "--output", folder.path("lines"), folder.path("lines.jsonl"),
    ]
    try CastleProcess.expectRefusal(lines, naming: "text")
    let output = try CastleProcess.output(lines + ["--text-key", "body", "--validation-documents", "1"])
    #expect(output.contains("train: 1 document,") && output.contains("validation: 1 document,"))

    try CastleProcess.expectRefusal(lines + ["--text-field", "body"], naming: "--text-key")

    let path = try folder.write([UInt8](repeating: 0x61, count: 900) + [0xFF], to: "bytes.txt")
    let bytes = ["prepare", "--tokenizer", tokenizer, "--output", folder.path("bytes"), path]
    try CastleProcess.expectRefusal(bytes + ["--invalid-utf8", "refuse"], naming: "bytes.txt")
    _ = try CastleProcess.output(bytes + ["--shard-tokens", "100", "--validation-documents", "0"])
    let shards = try FileManager.default.contentsOfDirectory(atPath: folder.path("bytes"))
    #expect(shards.count { $0.hasPrefix("train_") } > 1)
  }

  @Test func mistakesAreNamed() throws {
    let missing = folder.path("none.json")
    try CastleProcess.expectRefusal(["tokenize", "--tokenizer", missing, "a"], naming: missing)
    try CastleProcess.expectRefusal(["tokenize", "a"], naming: "--tokenizer")
    try CastleProcess.expectRefusal(
      ["tokenize", "--tokenizer", tokenizer, "--file", missing], naming: missing)
    try CastleProcess.expectRefusal(["detokenize", "--tokenizer", tokenizer, "5", "300"], naming: "300")
    try CastleProcess.expectRefusal(["detokenize", "--tokenizer", tokenizer, "five"], naming: "five")
    try CastleProcess.expectRefusal(
      ["prepare", "--tokenizer", tokenizer, "--output", folder.path("data"), folder.path("none")],
      naming: folder.path("none"))
    try CastleProcess.expectRefusal(
      ["tokenizer", "train", "--vocab-size", "7", "--output", folder.path("t.json"), folder.path("corpus")],
      naming: "7")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "corpus", "tokenizer.json",
      ])
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func aFullDiskIsAnError() throws {
    try CastleProcess.expectRefusal(
      ["tokenize", "--tokenizer", tokenizer, "the cat"], naming: "space", outputFile: "/dev/full")
  }
}
