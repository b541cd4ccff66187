import CastleCorpus
import CastleFormats
import CastleMeasurement
import Testing

struct DuplicateTests {
  private let preparation: PreparationFolder
  private var folder: TemporaryFolder { preparation.folder }

  init() throws {
    preparation = try PreparationFolder()
  }

  /// 60 documents with 20 texts, as files of their own, lines, compressed lines, or between separators.
  private func write(_ form: String) throws -> String {
    let texts = (0..<60).map { "text number \($0 * 7 % 20)\n" }
    let lines = texts.map { "{\"text\": \"\($0.dropLast())\\n\"}\n" }.joined()
    switch form {
    case "files":
      for (index, text) in texts.enumerated() { try folder.write(text, to: "d/\(100 + index).txt") }
    case "lines": try folder.write(lines, to: "d/a.jsonl")
    case "compressed": try folder.write(CompressedBytes.gzip(Array(lines.utf8)), to: "d/a.jsonl.gz")
    default: try folder.write(texts.joined(separator: "%\n"), to: "d/a.txt")
    }
    return folder.path("d")
  }

  @Test(arguments: ["files", "lines", "compressed", "separators"])
  func equalDocumentsAreToldAndStayTogether(_ form: String) throws {
    let path = try write(form)
    for seed in 0..<5 as Range<UInt64> {
      let result = try preparation.prepare(path) {
        $0.separator = form == "separators" ? "%" : nil
        $0.validation = .documents(4)
        $0.seed = seed
      }
      #expect(result.manifest.duplicateDocuments == 40)
      #expect(result.train.count == 48 && result.validation.count == 12)
      #expect(Set(result.validation).count == 4)
      #expect(Set(result.train).isDisjoint(with: result.validation))
    }
  }

  @Test(arguments: ["files", "lines", "compressed", "separators"])
  func equalDocumentsAreLeftOutIfAsked(_ form: String) throws {
    let path = try write(form)
    for validation in [ValidationSize.documents(0), .documents(5), .fraction(0.1)] {
      let result = try preparation.prepare(path) {
        $0.separator = form == "separators" ? "%" : nil
        $0.validation = validation
        $0.removesDuplicates = true
      }
      #expect(result.manifest.duplicateDocuments == 40)
      let all = result.train + result.validation
      #expect(all.count == 20 && Set(all).count == 20)
      #expect(result.validation.isEmpty == (validation == .documents(0)))
    }
  }

  @Test(arguments: ["files", "lines", "separators"])
  func equalDocumentsAreToldWithoutValidation(_ form: String) throws {
    let result = try preparation.prepare(try write(form)) { $0.separator = form == "separators" ? "%" : nil }
    #expect(result.manifest.duplicateDocuments == 40 && result.train.count == 60)
  }

  @Test func longDocumentsAreComparedWhereverTheyLie() throws {
    var random = RandomText(seed: 6)
    let long = (0..<20).flatMap { _ in random.text(longest: 30_000) } + Array(" end\n".utf8)
    var other = long
    other[other.count / 2] ^= 1
    for (index, text) in [long, other, Array("short\n".utf8) + long, long].enumerated() {
      try folder.write(text, to: "d/\(index).txt")
    }
    try folder.write(CompressedBytes.gzip(long), to: "d/4.txt.gz")
    let text = ["a\n", "b\n"].map { Array($0.utf8) }
    try folder.write(text[0] + Array("%%%%\n".utf8) + long + Array("%%%%\n".utf8) + text[1], to: "d/5.txt")
    let result = try preparation.prepare(folder.path("d")) {
      $0.separator = "%%%%"
      $0.removesDuplicates = true
    }
    #expect(result.manifest.duplicateDocuments == 3 && result.train.count == 5)
  }

  @Test func theOnlyTextIsCutOnceItsCopiesAreLeftOut() throws {
    let text = (0..<200).map { "line \($0)\n" }.joined()
    for name in ["a.txt", "b.txt", "c.txt"] { try folder.write(text, to: "d/" + name) }
    try folder.write("", to: "d/0.txt")
    #expect(
      preparation.refusal(CorpusInput([folder.path("d")])) { $0.validation = .fraction(0.1) }
        .contains("removing duplicates"))
    let result = try preparation.prepare(folder.path("d")) {
      $0.validation = .fraction(0.1)
      $0.removesDuplicates = true
    }
    #expect(result.train.count == 1 && result.validation.count == 1)
    #expect(result.train[0] + result.validation[0] == text)
    #expect(result.manifest.duplicateDocuments == 2 && result.manifest.emptyDocuments == 1)
  }
}
