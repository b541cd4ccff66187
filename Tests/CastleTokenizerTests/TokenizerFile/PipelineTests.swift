import CastleFormats
import CastleTokenizer
import Foundation
import Testing

/// Tokenizers of every kind, made by Python's `tokenizers`.
struct PipelineTests {
  struct Pipeline: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let tokenizer: String
    let ids: [[Int32]]
    let decoded: [String]

    var testDescription: String { name }

    func read() throws -> Tokenizer {
      try Array(tokenizer.utf8).withUnsafeBufferPointer { try TokenizerFile.parse($0, name: name) }
    }
  }

  private struct Texts: Decodable { let texts: [String] }

  private static let file: (texts: [[UInt8]], pipelines: [Pipeline]) = {
    guard let data = try? Data(Golden.bytes("pipelines.json")),
      let lines = try? JSONSerialization.jsonObject(with: data) as? [Any]
    else { return ([], []) }
    func decode<Value: Decodable>(_ type: Value.Type, _ line: Any) -> Value? {
      (try? JSONSerialization.data(withJSONObject: line)).flatMap {
        try? JSONDecoder().decode(type, from: $0)
      }
    }
    let texts = lines.first.flatMap { decode(Texts.self, $0) }?.texts ?? []
    return (texts.map(Golden.bytes(hexadecimal:)), lines.dropFirst().compactMap { decode(Pipeline.self, $0) })
  }()

  @Test func thereIsOneOfEachKind() {
    #expect(Self.file.pipelines.count >= 29)
    #expect(Self.file.texts.count >= 60)
  }

  @Test(arguments: file.pipelines) func idsAreThoseOfPython(_ pipeline: Pipeline) throws {
    let tokenizer = try pipeline.read()
    #expect(pipeline.ids.count == Self.file.texts.count)
    for (text, ids) in zip(Self.file.texts, pipeline.ids) {
      #expect(tokenizer.encode(text) == ids, "\(String(decoding: text, as: UTF8.self).debugDescription)")
    }
  }

  @Test(arguments: file.pipelines) func decodedTextsAreThoseOfPython(_ pipeline: Pipeline) throws {
    let tokenizer = try pipeline.read()
    for (ids, decoded) in zip(pipeline.ids, pipeline.decoded) {
      let special = Set(tokenizer.addedTokens.filter(\.isSpecial).map(\.id))
      let bytes = try tokenizer.decode(ids.filter { !special.contains($0) })
      let text = Golden.bytes(hexadecimal: decoded)
      // Python writes each byte that is not UTF-8 as U+FFFD; ours come as they are.
      guard String(validating: bytes, as: UTF8.self) != nil else { continue }
      #expect(bytes == text)
    }
  }

  /// Marks out of a character of combining class 0, and a character whose lower 16 bits are those of A.
  @Test(arguments: ["qwen", "NFD"]) func formsAreThoseOfUnicode(_ name: String) throws {
    let tokenizer = try #require(Self.file.pipelines.first { $0.name == name }).read()
    for (text, form) in [
      ("\u{F73}\u{F73}", "\u{F71}\u{F71}\u{F72}\u{F72}"),
      ("'\u{F81}\u{345}\u{F81}", "'\u{F71}\u{F71}\u{F80}\u{F80}\u{345}"),
      ("\u{10041}\u{301}", "\u{10041}\u{301}"), ("x\u{10041}\u{327}\u{301}", "x\u{10041}\u{327}\u{301}"),
      ("\u{110A5}\u{110BA}", name == "NFD" ? "\u{110A5}\u{110BA}" : "\u{110AB}"),
    ] {
      let bytes = try tokenizer.decode(tokenizer.encode(Array(text.utf8)))
      #expect(bytes == Array(form.utf8), "\(text.unicodeScalars.map(\.value))")
    }
  }

  @Test(arguments: file.pipelines) func aWrittenTokenizerIsTheSame(_ pipeline: Pipeline) throws {
    let tokenizer = try pipeline.read()
    let json = TokenizerFile.json(tokenizer)
    let again = try json.withUnsafeBufferPointer { try TokenizerFile.parse($0, name: "again") }
    for (text, ids) in zip(Self.file.texts, pipeline.ids) {
      #expect(again.encode(text) == ids)
      #expect(try again.decode(ids) == tokenizer.decode(ids))
    }
    #expect(TokenizerFile.json(again) == json)
  }

  @Test(arguments: file.pipelines) func aTextCutAtASafePlaceHasTheSameTokens(_ pipeline: Pipeline) throws {
    let tokenizer = try pipeline.read()
    let texts = Self.file.texts.joined(separator: Array(" x".utf8))
    var rest = Array(texts)[...]
    var cuts = 0
    while !rest.isEmpty {
      let cut = Array(rest).withUnsafeBufferPointer {
        tokenizer.lastSafeCut(in: $0, specialTokens: .recognized)
      }
      guard let cut else { break }
      let text = Array(rest)
      #expect(tokenizer.encode(text[..<cut]) + tokenizer.encode(text[cut...]) == tokenizer.encode(text))
      cuts += 1
      rest = rest.prefix(cut)
      guard cuts < 60 else { break }
    }
    // Where a pre-token may go on over anything, no place is safe.
    let whole = [
      "llama2", "mistral", "gemma", "bloom", "deepseek", "deepseek-coder", "kimi", "falcon", "NFKD, stripped",
      "metaspace and splits", "whitespace", "look around",
    ]
    #expect(cuts == (whole.contains(pipeline.name) ? 0 : 60))
  }
}
