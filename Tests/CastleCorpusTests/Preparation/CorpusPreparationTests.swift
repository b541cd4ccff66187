import CastleCorpus
import CastleFormats
import CastleMeasurement
import CastleTensors
import CastleTokenizer
import Foundation
import Testing

struct CorpusPreparationTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func prepare(
    _ paths: [String], to output: String = "out", threads: Int = 2,
    _ change: (inout CorpusPreparation) -> Void = { _ in }
  ) throws -> CorpusManifest {
    var preparation = CorpusPreparation()
    preparation.validation = .documents(0)
    change(&preparation)
    return try preparation.run(
      paths: paths, tokenizerPath: Golden.path("tokenizer.json"), output: folder.path(output),
      pool: ThreadPool(threadCount: threads))
  }

  /// The documents that shards hold, as text.
  private func documents(_ split: CorpusManifest.Split, in output: String = "out") throws -> [String] {
    let tokenizer = try Golden.tokenizer()
    let tokens = try split.shards.flatMap { shard in
      let shard = try TokenShard(path: folder.path("\(output)/\(shard.file)"))
      return shard.tokens(0..<shard.tokenCount)
    }
    #expect(tokens.count == split.tokens)
    #expect(tokens.last == tokenizer.endOfText || tokens.isEmpty)
    return try tokens.split(separator: tokenizer.endOfText!, omittingEmptySubsequences: false).dropLast().map
    {
      String(decoding: try tokenizer.decode($0), as: UTF8.self)
    }
  }

  /// Files of many sizes and kinds: one is far longer than what is encoded at a time.
  private func makeCorpus() throws -> String {
    var random = RandomText(seed: 5)
    for index in 0..<20 {
      try folder.write(random.text(longest: 3_000) + [0x2E], to: "corpus/part\(index % 3)/\(index).txt")
    }
    let play = try Golden.bytes("training.txt")
    try folder.write((0..<40).flatMap { _ in play }, to: "corpus/long.md")
    let lines = (0..<50).map { #"{"id": \#($0), "text": "Line \#($0)\nnext \ud83d\ude00"}"# }
    try folder.write(lines.joined(separator: "\n"), to: "corpus/lines.jsonl")
    try folder.write("not text", to: "corpus/picture.png")
    try folder.write("hidden", to: "corpus/.hidden.txt")
    return folder.path("corpus")
  }

  @Test func theBytesDoNotDependOnTheThreads() throws {
    let corpus = try makeCorpus()
    var expected: [String: [UInt8]] = [:]
    for threads in [1, 2, 5] {
      _ = try prepare([corpus], to: "out\(threads)", threads: threads) {
        $0.validation = .fraction(0.2)
        $0.shardTokens = 50_000
      }
      var files: [String: [UInt8]] = [:]
      for name in try folder.names(in: "out\(threads)") {
        files[name] = try folder.bytes("out\(threads)/\(name)")
      }
      if threads == 1 { expected = files }
      #expect(files == expected)
    }
    #expect(expected.keys.contains("train_000001.bin") && expected.keys.contains("val_000000.bin"))
  }

  @Test func documentsComeInOrderWithAnEndAfterEach() throws {
    let corpus = try makeCorpus()
    let manifest = try prepare([corpus]) { $0.shardTokens = 40_000 }
    let found = try documents(manifest.train)
    #expect(manifest.train.documents == 71)
    #expect(found.count == 71)
    #expect(found[0] == "Line 0\nnext \u{1F600}")
    let play = String(decoding: try Golden.bytes("training.txt"), as: UTF8.self)
    #expect(found[50] == String(repeating: play, count: 40))
    #expect(found[51] == String(decoding: try folder.bytes("corpus/part0/0.txt"), as: UTF8.self))
    #expect(manifest.train.bytes == found.reduce(0) { $0 + $1.utf8.count })
    #expect(manifest.train.shards.dropLast().allSatisfy { $0.tokens == 40_000 })
    #expect(try CorpusManifest.read(folder: folder.path("out")) == manifest)
    for shard in manifest.train.shards {
      #expect(try Digest.sha256(ofFile: folder.path("out/\(shard.file)")) == shard.sha256)
    }
    #expect(try Digest.sha256(ofFile: folder.path("out/tokenizer.json")) == manifest.tokenizer.sha256)
  }

  @Test func longDocumentsHaveTheTokensOfTheWhole() throws {
    let text = try Golden.bytes("training.txt")
    let long = (0..<30).flatMap { _ in text }
    let path = try folder.write(long, to: "long.txt")
    let manifest = try prepare([path])
    let tokenizer = try Golden.tokenizer()
    let shard = try TokenShard(path: folder.path("out/\(manifest.train.shards[0].file)"))
    #expect(
      shard.tokens(0..<shard.tokenCount)
        == tokenizer.encode(long, specialTokens: .ordinary) + [tokenizer.endOfText!])
  }

  @Test func documentsAreChosenForValidationByTheSeed() throws {
    let corpus = try makeCorpus()
    func validation(_ seed: UInt64, _ size: ValidationSize) throws -> (CorpusManifest, [String]) {
      let manifest = try prepare([corpus]) {
        $0.seed = seed
        $0.validation = size
        $0.replacesOutput = true
      }
      let (train, validation) = (try documents(manifest.train), try documents(manifest.validation))
      #expect(train.count + validation.count == 71)
      #expect(Set(train).isDisjoint(with: validation))
      return (manifest, validation)
    }
    let (_, first) = try validation(1, .documents(7))
    #expect(first.count == 7)
    #expect(try validation(1, .documents(7)).1 == first)
    #expect(try validation(2, .documents(7)).1 != first)
    #expect(try validation(1, .fraction(0.1)).1 == first)
    #expect(try validation(1, .fraction(1e-9)).0.validation.documents == 1)
  }

  @Test func onlyPreparedFoldersAreReplaced() throws {
    let corpus = try makeCorpus()
    let before = try FileManager.default.subpathsOfDirectory(atPath: corpus).sorted()
    let error = #expect(throws: InputError.self) {
      try prepare([corpus], to: "corpus") { $0.replacesOutput = true }
    }
    #expect(error?.description.contains("no part of a prepared corpus") == true)
    #expect(try FileManager.default.subpathsOfDirectory(atPath: corpus).sorted() == before)
  }

  @Test func filesOfOneNameAreChosenEachForItself() throws {
    let folders = try (0..<8).map { index in
      try folder.write("text \(index)\n", to: "\(index)/part.txt")
      return folder.path("\(index)")
    }
    let two = try prepare(Array(folders.prefix(2))) { $0.validation = .fraction(0.01) }
    #expect(two.train.documents == 1 && two.validation.documents == 1)
    var chosen: Set<[String]> = []
    for seed in 0..<6 {
      let manifest = try prepare(folders, to: "out\(seed)") {
        $0.validation = .documents(3)
        $0.seed = UInt64(seed)
      }
      let documents = try documents(manifest.validation, in: "out\(seed)")
      #expect(documents.count == 3)
      chosen.insert(documents)
    }
    #expect(chosen.count > 2)
  }

  @Test func onlyDocumentsWithTextAreChosen() throws {
    let lines = (0..<10).map { "{\"text\": \"line \($0)\"}\n\n{\"text\": \"\"}\n \n" }
    let path = try folder.write(lines.joined(), to: "a.jsonl")
    for seed in 0..<5 {
      let manifest = try prepare([path], to: "out\(seed)") {
        $0.validation = .fraction(0.3)
        $0.seed = UInt64(seed)
      }
      #expect(manifest.validation.documents == 3 && manifest.train.documents == 7)
    }
    #expect(throws: InputError.self) { try prepare([path], to: "none") { $0.validation = .documents(10) } }
  }

  @Test func theOnlyDocumentIsCutForValidation() throws {
    let text = try Golden.bytes("training.txt")
    let path = try folder.write(text, to: "play.txt")
    let manifest = try prepare([path]) { $0.validation = .fraction(0.1) }
    let parts = try documents(manifest.train) + documents(manifest.validation)
    #expect(parts.count == 2)
    #expect(Array(parts.joined().utf8) == text)
    #expect(parts[0].hasSuffix("\n"))
    #expect((1_500...2_400).contains(manifest.validation.bytes))
  }

  @Test(arguments: [("%\n", ""), ("%\n%\n", "%"), ("", "%\n%\n")])
  func theOnlyDocumentAmongSeparatorsIsCutForValidation(before: String, after: String) throws {
    let text = (1...50).map { "line \($0)\n" }.joined()
    let path = try folder.write(before + text + after, to: "play.txt")
    for fraction in [0.05, 0.5, 0.999] {
      let output = "out\(fraction)"
      let manifest = try prepare([path], to: output) {
        $0.validation = .fraction(fraction)
        $0.separator = "%"
      }
      let train = try documents(manifest.train, in: output)
      let validation = try documents(manifest.validation, in: output)
      #expect(train.count == 1 && validation.count == 1 && train[0] + validation[0] == text)
    }
  }

  @Test(arguments: ["", "\n", " \n\t\r\n"]) func theOnlyDocumentWithTextIsCut(_ notes: String) throws {
    let text = (1...100).map { "line \($0)\n" }.joined()
    try folder.write(text, to: "d/book.txt")
    try folder.write(notes, to: "d/notes.txt")
    for (name, bytes) in [("d", nil), ("z", CompressedBytes.gzip(Array(text.utf8)))] {
      if let bytes {
        try folder.write(bytes, to: "z/book.txt.gz")
        try folder.write(notes, to: "z/a.txt")
      }
      let manifest = try prepare([folder.path(name)], to: "out-" + name) { $0.validation = .fraction(0.1) }
      let train = try documents(manifest.train, in: "out-" + name)
      let validation = try documents(manifest.validation, in: "out-" + name)
      #expect(train.count == 1 && validation.count == 1 && train[0] + validation[0] == text)
      #expect(manifest.emptyDocuments == 1)
    }
  }

  @Test func theEndOfALongBlankIsNoValidationText() throws {
    let path = try folder.write("one\ntwo\n" + String(repeating: "\n", count: 5_000), to: "a.txt")
    let error = #expect(throws: InputError.self) { try prepare([path]) { $0.validation = .fraction(0.1) } }
    #expect(error?.description.contains("single document") == true)
  }

  @Test func linesThatEndDocumentsElsewhereAreNoted() throws {
    let path = try folder.write("one\n<|endoftext|>\ntwo\n", to: "a.txt")
    let other = try folder.write("one <|endoftext|> two\n", to: "b.txt")
    func notes(_ path: String, separator: String?) throws -> [String] {
      var notes: [String] = []
      var preparation = CorpusPreparation()
      preparation.separator = separator
      preparation.validation = .documents(0)
      preparation.replacesOutput = true
      _ = try preparation.run(
        paths: [path], tokenizerPath: Golden.path("tokenizer.json"), output: folder.path("out"),
        pool: ThreadPool(threadCount: 1), note: { notes.append("\($0)") })
      return notes
    }
    #expect(try notes(path, separator: nil).contains { $0.contains("the separator <|endoftext|>") })
    #expect(try notes(path, separator: "<|endoftext|>").isEmpty)
    #expect(try notes(other, separator: nil).isEmpty)
  }

  @Test func separatorLinesDivideATextIntoDocuments() throws {
    let path = try folder.write(
      "one\n<|endoftext|>\ntwo <|endoftext|>\n\n<|endoftext|>\r\n<|endoftext|>\nlast", to: "a.txt")
    let manifest = try prepare([path]) { $0.separator = "<|endoftext|>" }
    #expect(try documents(manifest.train) == ["one\n", "two <|endoftext|>\n\n", "last"])
    #expect(manifest.emptyDocuments == 1)
    #expect(throws: InputError.self) { try prepare([path], to: "b") { $0.separator = "two words" } }
  }

  @Test func bytesThatAreNotUTF8AreTreatedAsAsked() throws {
    let path = try folder.write([0x61, 0xFF, 0x62, 0x0A], to: "a.txt")
    let replaced = try prepare([path])
    #expect(try documents(replaced.train) == ["a\u{FFFD}b\n"])
    #expect(replaced.invalidDocuments == 1 && replaced.train.bytes == 6)
    let kept = try prepare([path], to: "kept") { $0.invalidBytes = .kept }
    #expect(kept.invalidDocuments == 1 && kept.train.bytes == 4)
    let error = try #require(throws: InputError.self) {
      try prepare([path], to: "none") { $0.invalidBytes = nil }
    }
    #expect(error.description.contains(path))
  }

  @Test func badLinesAreNamed() throws {
    for (line, word) in [
      ("{\"text\": 5}", "text"), ("nonsense", "expected"), ("{\"text\": \"a\"", "expected"),
    ] {
      let path = try folder.write("{\"text\": \"fine\"}\n\n\(line)\n", to: "bad.jsonl")
      let error = try #require(throws: InputError.self) { try prepare([path]) }
      #expect(error.description.contains(path) && error.description.contains("line 3"), "\(error)")
      #expect(error.description.contains(word), "\(error)")
    }
    #expect(try folder.names() == ["bad.jsonl"])
  }

  @Test func corporaWithoutTextAreRefused() throws {
    try FileManager.default.createDirectory(atPath: folder.path("empty"), withIntermediateDirectories: true)
    let blank = try folder.write("", to: "blank/a.txt")
    let lines = try folder.write("{\"text\": \"\"}\n", to: "lines.jsonl")
    for paths in [[folder.path("empty")], [blank], [lines], [folder.path("none")]] {
      let error = try #require(throws: InputError.self) { try prepare(paths) }
      #expect(error.description.contains("empty") || error.description.contains(paths[0]), "\(error)")
    }
    #expect(!(try folder.names().contains("out")))
  }

  @Test func impossibleSizesAreRefused() throws {
    let path = try folder.write("some text\n", to: "a.txt")
    for validation in [
      ValidationSize.documents(1), .documents(-1), .fraction(1), .fraction(-0.1), .fraction(.nan),
    ] {
      #expect(throws: InputError.self) { try prepare([path]) { $0.validation = validation } }
    }
    for tokens in [0, -5, 1 << 40] {
      #expect(throws: InputError.self) { try prepare([path]) { $0.shardTokens = tokens } }
    }
  }

  @Test func aTokenizerWithoutAnEndOfTextIsRefused() throws {
    let tokenizer = try Tokenizer(
      vocabulary: (0...255).map { [UInt8($0)] }, merges: [],
      addedTokens: [AddedToken(id: 256, content: "<|user|>")])
    let path = folder.path("tokenizer.json")
    try TokenizerFile.write(tokenizer, path: path)
    let text = try folder.write("some text\n", to: "a.txt")
    let error = try #require(throws: InputError.self) {
      try CorpusPreparation().run(
        paths: [text], tokenizerPath: path, output: folder.path("out"), pool: ThreadPool(threadCount: 1))
    }
    #expect(error.description.contains(path) && error.description.contains("<|endoftext|>"))
  }

  @Test func whatIsInterruptedLeavesNothing() throws {
    struct Interrupted: Error {}
    let path = try folder.write(Golden.bytes("training.txt"), to: "play.txt")
    #expect(throws: Interrupted.self) {
      try CorpusPreparation().run(
        paths: [path], tokenizerPath: Golden.path("tokenizer.json"), output: folder.path("out"),
        pool: ThreadPool(threadCount: 2)
      ) { _ in throw Interrupted() }
    }
    #expect(try folder.names() == ["play.txt"])
  }

  @Test func choosingSaysHowFarItIsAndCanBeInterrupted() throws {
    struct Interrupted: Error {}
    let lines = try folder.write(
      (1_000..<2_000).map { "{\"text\": \"\($0)\"}\n" }.joined(), to: "a.jsonl")
    var preparation = CorpusPreparation()
    preparation.validation = .documents(5)
    var steps: [CorpusPreparation.Progress] = []
    func run(_ stopsAt: CorpusPreparation.Progress?) throws {
      _ = try preparation.run(
        paths: [lines], tokenizerPath: Golden.path("tokenizer.json"), output: folder.path("out"),
        pool: ThreadPool(threadCount: 2)
      ) {
        steps.append($0)
        if $0 == stopsAt { throw Interrupted() }
      }
    }
    #expect(throws: Interrupted.self) { try run(.choosing(done: 17_000, all: 17_000)) }
    #expect(try folder.names() == ["a.jsonl"])
    steps = []
    try run(nil)
    #expect(steps == [.choosing(done: 17_000, all: 17_000), .encoding(done: 17_000, all: 17_000)])
  }

  @Test func shardsOfAnotherSizeAreRefused() throws {
    let path = try folder.write("some text\n", to: "a.txt")
    let manifest = try prepare([path])
    let name = "out/\(manifest.train.shards[0].file)"
    let bytes = try folder.bytes(name)
    try folder.write(bytes + [0, 0], to: name)
    #expect(throws: InputError.self) { try CorpusManifest.read(folder: folder.path("out")) }
  }
}
