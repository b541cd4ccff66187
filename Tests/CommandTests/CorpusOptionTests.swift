import CastleFormats
import CastleMeasurement
import Foundation
import Testing

/// How `castle prepare`, `castle tokenizer train` and `castle tokenize` take text, from outside.
struct CorpusOptionTests {
  private let folder: TemporaryFolder
  private let tokenizer: String

  init() throws {
    tokenizer = try TinyModel.shared.get().tokenizer
    folder = try TemporaryFolder()
  }

  private struct Manifest: Decodable {
    struct Split: Decodable {
      let documents: Int
      let bytes: Int
    }
    let train: Split
    let validation: Split
    let sourceBytes: Int
    let duplicateDocuments: Int
    let invalidByteCount: Int
  }

  private static func manifest(_ json: Data) throws -> Manifest {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Manifest.self, from: json)
  }

  private func prepare(_ arguments: [String], input: String = "", in folder: String? = nil) throws -> (
    manifest: Manifest, notes: String
  ) {
    let result = try CastleProcess.run(
      ["prepare", "--tokenizer", tokenizer, "--output", self.folder.path("out"), "--overwrite", "--json"]
        + arguments,
      input: input, folder: folder)
    try #require(result.exitCode == 0, "\(result.errorOutput)")
    return (try Self.manifest(Data(result.output.utf8)), result.errorOutput)
  }

  private let lines = (0..<50).map { "{\"text\": \"line \($0)\"}\n" }.joined()

  @Test func standardInputIsRead() throws {
    let (manifest, notes) = try prepare(["--validation-documents", "5", "-"], input: lines)
    #expect(manifest.train.documents == 45 && manifest.validation.documents == 5)
    #expect(
      notes.contains("standard input is read as JSON lines with \"text\"; as plain text with --format text"),
      "\(notes)")
    let forced = try prepare(["--validation-documents", "0", "--format", "text", "-"], input: lines)
    #expect(forced.manifest.train.documents == 1 && forced.manifest.train.bytes == lines.utf8.count)
    let output = folder.path("t.json")
    _ = try CastleProcess.output(
      ["tokenizer", "train", "--vocab-size", "270", "--output", output, "-"], input: lines)
    try CastleProcess.expectRefusal(
      ["prepare", "--tokenizer", tokenizer, "--output", folder.path("twice"), "-", "-"], naming: "only once",
      input: lines)
    try CastleProcess.expectRefusal(
      ["prepare", "--tokenizer", tokenizer, "--output", folder.path("none")], naming: "standard input")
  }

  @Test func aPipeFromAnotherProcessIsRead() throws {
    let path = try folder.write(CompressedBytes.gzip(Array(lines.utf8)), to: "lines.jsonl.gz")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c",
      "cat '\(path)' | '\(try CastleProcess.executablePath)' prepare --tokenizer '\(tokenizer)' "
        + "--output '\(folder.path("piped"))' --validation-documents 5 -",
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let piped = try folder.bytes("piped/train_000000.bin")
    _ = try prepare(["--validation-documents", "5", "--format", "jsonl", "-"], input: lines)
    #expect(try folder.bytes("out/train_000000.bin") == piped)
  }

  @Test func filesAreListed() throws {
    try folder.write("one\n", to: "a.txt")
    try folder.write("two\n", to: "b.txt")
    let listed = try prepare(
      ["--validation-documents", "0", "--files-from", "-"], input: "a.txt\nb.txt\n", in: folder.path)
    #expect(listed.manifest.train.documents == 2)
    try folder.write("b.txt\n", to: "list")
    let both = try prepare(
      ["--validation-documents", "0", "--files-from", "list", "a.txt"], in: folder.path)
    #expect(both.manifest.train.documents == 2)
  }

  @Test func duplicatesAndReplacedBytesAreTold() throws {
    let path = try folder.write(
      Array("same\n%\nsame\n%\nother\n%\n".utf8) + [0x61, 0xFF, 0xFE, 0x0A], to: "a.txt")
    let arguments = ["--validation-documents", "0", "--separator", "%", path]
    let told = try prepare(arguments)
    #expect(told.manifest.duplicateDocuments == 1 && told.manifest.train.documents == 4)
    #expect(told.notes.contains("1 document with the text of an earlier one; --deduplicate"), "\(told.notes)")
    #expect(told.notes.contains("2 bytes not in UTF-8, in 1 document, replaced"), "\(told.notes)")
    let removed = try prepare(arguments + ["--deduplicate"])
    #expect(removed.manifest.train.documents == 3 && removed.notes.contains("left out"))
    let trained = try CastleProcess.run(
      ["tokenizer", "train", "--vocab-size", "260", "--output", folder.path("t.json"), path])
    #expect(trained.errorOutput.contains("2 bytes not in UTF-8"), "\(trained.errorOutput)")
    let tokenized = try CastleProcess.run(["tokenize", "--tokenizer", tokenizer, "--file", path])
    #expect(tokenized.errorOutput.contains("2 bytes not in UTF-8"), "\(tokenized.errorOutput)")
  }

  @Test func filesAreReadByWhatTheyAreInEveryCommand() throws {
    let model = try TinyModel.shared.get().model
    let text = "To be, or not to be, that is question 7.\n"
    let wide = [UInt8]([0xFF, 0xFE]) + text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    let plain = try folder.write(text, to: "plain.txt")
    func output(_ path: String) throws -> [String] {
      try [
        ["tokenize", "--tokenizer", tokenizer, "--file", path],
        ["evaluate", "--model", model, "--data", path, "--json"],
        ["generate", "--model", model, "--prompt-file", path, "--temperature", "0", "--max-tokens", "4"],
      ].map { try CastleProcess.output($0) }
    }
    let expected = try output(plain)
    #expect(try output(folder.write(wide, to: "wide.txt")) == expected)
    #expect(try output(folder.write(CompressedBytes.gzip(wide), to: "wide.txt.gz")) == expected)
    #expect(try output(folder.write([0xEF, 0xBB, 0xBF] + Array(text.utf8), to: "mark.txt")) == expected)
    let table = try folder.write(Array("PAR1\u{15}\u{4}".utf8), to: "table.txt")
    for arguments in [
      ["tokenize", "--tokenizer", tokenizer, "--file", table],
      ["evaluate", "--model", model, "--data", table],
      ["generate", "--model", model, "--prompt-file", table],
      ["prepare", "--tokenizer", tokenizer, "--output", folder.path("none"), table],
    ] {
      try CastleProcess.expectRefusal(arguments, naming: "a Parquet table")
    }
    let damaged = try folder.write(Array(text.utf8) + [0xFF], to: "damaged.txt")
    for arguments in [
      ["evaluate", "--model", model, "--data", damaged],
      ["generate", "--model", model, "--prompt-file", damaged, "--max-tokens", "1"],
    ] {
      let result = try CastleProcess.run(arguments)
      #expect(result.errorOutput.contains("note: 1 byte not in UTF-8"), "\(result.errorOutput)")
    }
  }

  @Test func pathsAreOfAnyKind() throws {
    let home = try TemporaryFolder()
    let environment = "HOME='\(home.path)'"
    try home.write("one\ntwo\n", to: "text/a.txt")
    let castle = try CastleProcess.executablePath
    // Bytes that are not UTF-8 cannot be said in Foundation's arguments.
    let script = """
      cd '\(home.path)' && printf 'three\\n' > "$(printf 'text/x\\351.txt')" || exit 0
      printf 'four\\n' > "$(printf 'text/x\\377.txt')" || exit 0
      \(environment) '\(castle)' prepare --tokenizer '\(tokenizer)' --output=~/made --validation-documents 0 \
        '~/text/a.txt' "$(printf 'text/x\\351.txt')" "$(printf 'text/x\\377.txt')"
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let manifest = try Self.manifest(Data(home.bytes("made/manifest.json")))
    #expect(manifest.train.documents == 3)
    let cleaning = Process()
    cleaning.executableURL = URL(fileURLWithPath: "/bin/rm")
    cleaning.arguments = ["-rf", home.path("text")]
    try cleaning.run()
    cleaning.waitUntilExit()
  }

  @Test func tokensOfOthersAreTrainedOn() throws {
    let tiny = try TinyModel.shared.get()
    let training = try Array(
      [UInt8](Data(contentsOf: URL(fileURLWithPath: tiny.shards + "/train_000000.bin")))[1024...])
    try folder.write(training, to: "raw/train.bin")
    let settings = TinyModel.settings(shards: folder.path("raw"), output: folder.path("run"), steps: 3)
    try CastleProcess.expectRefusal(["train"] + settings, naming: "data.tokenizer")
    try CastleProcess.expectRefusal(
      ["train"] + settings + ["--set", "data.dtype=int8"], naming: "data.dtype", "uint16, uint32")
    _ = try CastleProcess.output(["train"] + settings + ["--set", "data.tokenizer=\(tokenizer)"])
    #expect(try folder.names(in: "run/model").contains("tokenizer.json"))
    #expect(try folder.text("run/config.yaml").contains("tokenizer:"))
  }
}
