import CastleCorpus
import CastleFormats
import CastleMeasurement
import Foundation
import Testing

struct CorpusInputTests {
  private let preparation: PreparationFolder
  private var folder: TemporaryFolder { preparation.folder }

  init() throws {
    preparation = try PreparationFolder()
  }

  private func bytes(_ text: String, _ encoding: String.Encoding) -> [UInt8] {
    [UInt8](text.data(using: encoding)!)
  }

  @Test func everyEndingIsReadFromFolders() throws {
    try folder.write("one", to: "d/a.TXT")
    try folder.write("two", to: "d/b.text")
    try folder.write("{\"text\": \"three\"}\n", to: "d/c.ndjson")
    try folder.write(CompressedBytes.gzip(Array("{\"text\": \"four\"}\n".utf8)), to: "d/d.jsonl.gz")
    try folder.write(CompressedBytes.zstd(Array("five".utf8)), to: "d/e.Md.ZST")
    try folder.write("{\"text\": \"six\"}\n", to: "d/f.JSONL")
    let result = try preparation.prepare(folder.path("d"))
    #expect(result.train == ["one", "two", "three", "four", "five", "six"])
    #expect(result.notes.isEmpty, "\(result.notes)")
  }

  @Test func whatIsSkippedIsCountedByKind() throws {
    try folder.write("text", to: "d/a.txt")
    for name in ["1.pdf", "2.PDF", "e/3.pdf", "x.py", "Makefile", "t.csv.gz"] {
      try folder.write("more", to: "d/" + name)
    }
    let note = try #require(try preparation.prepare(folder.path("d")).notes.first)
    for kind in ["3 .pdf", "1 .py", "1 without an ending", "1 .csv.gz", "the format text"] {
      #expect(note.contains(kind), "\(note)")
    }
    var input = CorpusInput([folder.path("d")])
    input.format = .text
    let all = try preparation.prepare(input)
    #expect(all.train.count == 7 && all.notes.isEmpty)
    #expect(
      preparation.refusal(CorpusInput([folder.path("d/e")])).contains(".txt, .md, .text, .jsonl, .ndjson"))
  }

  @Test func encodingsAreRead() throws {
    let text = "Line one, ß and € and 漢字 \u{1F600}.\nLine two is plain.\n"
    let encodings: [String.Encoding] = [
      .utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian, .utf32BigEndian, .utf8,
    ]
    for (index, encoding) in encodings.enumerated() {
      try folder.write(bytes("\u{FEFF}\(index) \(text)", encoding), to: "d/\(index).txt")
    }
    let line = "\u{FEFF}{\"text\": \"é\"}\n{\"text\": \"b\"}\n"
    try folder.write(bytes(line, .utf8), to: "d/8.jsonl")
    try folder.write(bytes(line, .utf16LittleEndian), to: "d/9.jsonl")
    try folder.write(CompressedBytes.gzip(bytes("\u{FEFF}last\n", .utf16BigEndian)), to: "d/a.txt.gz")
    let result = try preparation.prepare(folder.path("d"))
    #expect(result.train == (0..<5).map { "\($0) \(text)" } + ["é", "b", "é", "b", "last\n"])
    #expect(result.manifest.invalidByteCount == 0)
  }

  @Test func aByteOrderMarkBeforeASeparatorIsLeftOut() throws {
    let path = try folder.write("\u{FEFF}%\none\n%\ntwo", to: "a.txt")
    #expect(try preparation.prepare(path) { $0.separator = "%" }.train == ["one\n", "two"])
  }

  @Test func replacedBytesAreCounted() throws {
    try folder.write([0x61, 0xE2, 0x82, 0x62, 0xFF, 0x0A], to: "a.txt")
    try folder.write(Array("{\"text\": \"".utf8) + [0xFF] + Array("\"}\n".utf8), to: "b.jsonl")
    let manifest = try preparation.prepare(folder.path("a.txt"), folder.path("b.jsonl")).manifest
    #expect(manifest.invalidByteCount == 4 && manifest.invalidDocuments == 2)
  }

  @Test(
    arguments: [
      ("a.parquet", Array("PAR1\u{15}\u{4}".utf8), "Parquet"), ("a.txt", Array("PAR1\u{15}".utf8), "Parquet"),
      ("a.txt", Array("BZh91AY&SY".utf8), "bzip2 -dc"), ("a.pdf", Array("%PDF-1.4".utf8), "PDF"),
      ("a.txt", Array("<!doctype html>\n<p>a".utf8), "HTML"),
      ("a.txt.gz", CompressedBytes.gzip([0x1F, 0x8B, 8]), "twice"),
      ("a.jsonl", Array("version https://git-lfs.github.com/spec/v1\n".utf8), "git lfs pull"),
      ("a.zip", [0x50, 0x4B, 3, 4], "unpack"), ("a.txt", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A], "PNG"),
      ("a.txt", [0x80, 4, 0x95], "pickle"),
      ("a.tgz", CompressedBytes.gzip(Array(repeating: 0, count: 257) + Array("ustar".utf8)), "tar"),
      ("a.txt", [8, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\":1} ".utf8), "safetensors"),
    ] as [(String, [UInt8], String)])
  func whatIsNoTextIsRefusedByName(_ name: String, _ bytes: [UInt8], _ word: String) throws {
    let path = try folder.write(bytes, to: name)
    let error = preparation.refusal(CorpusInput([path]))
    #expect(error.contains(path) && error.contains(word), "\(error)")
  }

  @Test func markupIsTakenAsTextIfAsked() throws {
    let path = try folder.write("<html><p>a</html>", to: "a.txt")
    var input = CorpusInput([path])
    input.format = .text
    #expect(try preparation.prepare(input).train == ["<html><p>a</html>"])
  }

  @Test func damagedCompressedFilesAreNamed() throws {
    let whole = CompressedBytes.gzip((0..<50_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 6) })
    let path = try folder.write(whole.dropLast(100), to: "a.txt.gz")
    #expect(preparation.refusal(CorpusInput([path])).contains("a.txt.gz ends in the middle"))
    #expect(try folder.names() == ["a.txt.gz"])
  }

  @Test func linesUnderATextNameAreNoted() throws {
    let line = "{\"id\": 1, \"text\": \"one\"}\n"
    let path = try folder.write(line, to: "a.txt")
    let asText = try preparation.prepare(path)
    #expect(asText.train == [line])
    #expect(asText.notes.count == 1 && asText.notes[0].contains("the format jsonl"), "\(asText.notes)")
    var input = CorpusInput([path])
    input.format = .jsonLines
    #expect(try preparation.prepare(input).train == ["one"])
    let other = try folder.write(line, to: "data")
    let recognized = try preparation.prepare(other)
    #expect(recognized.train == ["one"] && recognized.notes[0].contains("the format text"))
    input = CorpusInput([other])
    input.textKey = "body"
    #expect(try preparation.prepare(input).train == [line])
  }

  @Test func theSameFileIsReadOnce() throws {
    let path = try folder.write("one", to: "d/a.txt")
    try folder.write("two", to: "d/b.txt")
    #expect(symlink(path, folder.path("d/c.txt")) == 0)
    #expect(link(path, folder.path("d/d.txt")) == 0)
    let result = try preparation.prepare(
      folder.path("d"), folder.path("d/a.txt"), folder.path("d/../d/b.txt"))
    #expect(result.train == ["one", "two"] && result.manifest.sourceFiles == 2)
    #expect(result.notes.count == 1 && result.notes[0].contains("3 other files"), "\(result.notes)")
  }

  @Test func listsNameFiles() throws {
    let paths = try ["a", "b", "c d"].map { try folder.write($0, to: "\($0).txt") }
    var input = CorpusInput([paths[2]])
    input.lists = [try folder.write("\(paths[1])\r\n\n\(paths[0])\n", to: "list")]
    #expect(try preparation.prepare(input).train == ["c d", "b", "a"])
    input.lists = [try folder.write("\(paths[1])\0\(paths[0])\0", to: "list")]
    #expect(try preparation.prepare(input).train == ["c d", "b", "a"])
    input.lists = [try folder.write("\n", to: "list")]
    #expect(preparation.refusal(input).contains("list lists no files"))
    input.lists = [folder.path("none")]
    #expect(preparation.refusal(input).contains("none"))
  }

  @Test func namesNeedNotBeUTF8() throws {
    let name = FilePath.text([0x61, 0xE9, 0x2E, 0x74, 0x78, 0x74])
    let path = folder.path("d/" + name)
    try folder.write("plain", to: "d/b.txt")
    let file = FilePath.withSystemPath(path) { open($0, O_WRONLY | O_CREAT, 0o600) }
    guard file >= 0 else { return }
    defer { _ = FilePath.withSystemPath(path) { unlink($0) } }
    #expect(write(file, "abc", 3) == 3)
    close(file)
    #expect(try preparation.prepare(folder.path("d")).train == ["abc", "plain"])
    #expect(try preparation.prepare(path).train == ["abc"])
    var input = CorpusInput()
    input.lists = [try folder.write(FilePath.bytes(path), to: "list")]
    #expect(try preparation.prepare(input).train == ["abc"])
  }

  @Test func pipesAreReadLikeFiles() throws {
    let lines = (0..<3_000).map { "{\"text\": \"line \($0) of the pipe\"}\n" }.joined()
    let file = try folder.write(lines, to: "pipe")
    func change(_ preparation: inout CorpusPreparation) { preparation.validation = .documents(20) }
    let expected = try preparation.prepare(file) { change(&$0) }
    #expect(expected.validation.count == 20 && expected.train.count == 2_980)
    unlink(file)
    #expect(mkfifo(file, 0o600) == 0)
    for bytes in [
      Array(lines.utf8), CompressedBytes.gzip(Array(lines.utf8)), CompressedBytes.zstd(Array(lines.utf8)),
    ] {
      let writer = Thread { try? Data(bytes).write(toPipe: file) }
      writer.start()
      let result = try preparation.prepare(file) { change(&$0) }
      #expect(result.train == expected.train && result.validation == expected.validation)
      #expect(result.manifest.sourceBytes == bytes.count)
    }
    let writer = Thread { try? Data(lines.utf8).write(toPipe: file) }
    writer.start()
    #expect(try preparation.prepare(file).train.count == 3_000)
  }

  @Test func compressedTextGivesTheSameBytesAtAnyThreads() throws {
    var random = RandomText(seed: 12)
    let plain = (0..<40).map { _ in random.text(longest: 30_000) + Array(" end\n%\n".utf8) }.flatMap { $0 }
    let lines = (0..<400).map { "{\"text\": \"number \($0) of many\"}\n" }.joined()
    try folder.write(plain, to: "plain/a.txt")
    try folder.write(lines, to: "plain/b.jsonl")
    try folder.write(CompressedBytes.gzip(plain), to: "gzip/a.txt.gz")
    try folder.write(CompressedBytes.zstd(Array(lines.utf8)), to: "gzip/b.jsonl.zst")
    var expected: [String: [UInt8]] = [:]
    for threads in [1, 2, 5] {
      _ = try preparation.prepare(folder.path("gzip"), threads: threads) {
        $0.separator = "%"
        $0.validation = .fraction(0.1)
        $0.shardTokens = 20_000
      }
      let output = try preparation.output()
      if threads == 1 { expected = output }
      #expect(output == expected)
    }
    let compressed = try preparation.prepare(folder.path("gzip")) { $0.separator = "%" }
    let uncompressed = try preparation.prepare(folder.path("plain")) { $0.separator = "%" }
    #expect(compressed.train == uncompressed.train && compressed.train.count > 400)
  }
}

extension Data {
  /// Writes to a pipe that another thread reads.
  fileprivate func write(toPipe path: String) throws {
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.write(contentsOf: self)
    try handle.close()
  }
}
