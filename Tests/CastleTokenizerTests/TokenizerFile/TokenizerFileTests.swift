import CastleFormats
import CastleMeasurement
import CastleTokenizer
import Foundation
import Testing

struct TokenizerFileTests {
  private func parse(_ bytes: [UInt8]) throws -> Tokenizer {
    try bytes.withUnsafeBufferPointer { try TokenizerFile.parse($0, name: "test.json") }
  }

  /// The golden tokenizer as a dictionary, to change and to write again.
  private func document() throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(Golden.bytes("tokenizer.json")))
    return try #require(object as? [String: Any])
  }

  private func parse(_ document: [String: Any]) throws -> Tokenizer {
    try parse([UInt8](try JSONSerialization.data(withJSONObject: document)))
  }

  private func expectSameIDs(_ tokenizer: Tokenizer) {
    for example in Golden.cases {
      #expect(tokenizer.encode(example.bytes) == example.ids, "\(example.name)")
    }
  }

  @Test func aWrittenTokenizerIsTheSame() throws {
    let golden = try Golden.tokenizer()
    let folder = try TemporaryFolder()
    try TokenizerFile.write(golden, path: folder.path("tokenizer.json"))
    let again = try TokenizerFile.read(path: folder.path)
    expectSameIDs(again)
    #expect(again.vocabularySize == golden.vocabularySize)
    #expect(again.addedTokens == golden.addedTokens)
    #expect(again.mergeList == golden.mergeList)
    #expect(TokenizerFile.json(again) == TokenizerFile.json(golden))
  }

  @Test func mergesMayBeStringsOrPairs() throws {
    var document = try document()
    var model = try #require(document["model"] as? [String: Any])
    let merges = try #require(model["merges"] as? [[String]])
    model["merges"] = merges.map { $0.joined(separator: " ") }
    document["model"] = model
    expectSameIDs(try parse(document))
  }

  @Test func gpt2FilesAreRead() throws {
    let model = try #require(try document()["model"] as? [String: Any])
    let merges = try #require(model["merges"] as? [[String]])
    let folder = try TemporaryFolder()
    try folder.write(
      [UInt8](try JSONSerialization.data(withJSONObject: model["vocab"]!)), to: "vocab.json")
    let lines = ["#version: 0.2"] + merges.map { $0.joined(separator: " ") } + [""]
    try folder.write(lines.joined(separator: "\n"), to: "merges.txt")
    let golden = try Golden.tokenizer()
    for path in [folder.path, folder.path("vocab.json"), folder.path("merges.txt")] {
      let tokenizer = try TokenizerFile.read(path: path)
      #expect(tokenizer.mergeList == golden.mergeList)
      #expect(tokenizer.endOfText == golden.endOfText)
    }
    try folder.write("#version: 0.2\nq z x\n", to: "merges.txt")
    let error = try #require(throws: InputError.self) { try TokenizerFile.read(path: folder.path) }
    #expect(error.description.contains("merges.txt, line 2"))
  }

  /// Parts of the file, what they become, and the word that the error must have.
  static let refused: [(path: [String], value: String, word: String)] = [
    (["normalizer"], #"{"type": "BertNormalizer"}"#, "BertNormalizer"),
    (["normalizer"], #"{"type": "Precompiled", "precompiled_charsmap": ""}"#, "Precompiled"),
    (["normalizer"], #"{"type": "Replace", "pattern": {"Regex": "("}, "content": ""}"#, "without its end"),
    (["pre_tokenizer"], #"{"type": "BertPreTokenizer"}"#, "BertPreTokenizer"),
    (["pre_tokenizer"], #"{"type": "UnicodeScripts"}"#, "UnicodeScripts"),
    (["pre_tokenizer"], #"{"type": "Metaspace", "replacement": "__"}"#, "one character"),
    (["pre_tokenizer"], #"{"type": "Split", "pattern": {"Regex": "\\1"}, "behavior": "Isolated"}"#, #"\1"#),
    (["pre_tokenizer"], #"{"type": "Split", "pattern": {"String": "a"}, "behavior": "Odd"}"#, "Odd"),
    (["decoder"], #"{"type": "WordPiece"}"#, "WordPiece"),
    (["post_processor"], #"{"type": "BertProcessing"}"#, "BertProcessing"),
    (["model", "type"], #""Unigram""#, "BPE"),
    (["model", "dropout"], "0.1", "dropout"),
    (["model", "continuing_subword_prefix"], ###""##""###, "continuing_subword_prefix"),
    (["model", "end_of_word_suffix"], #""</w>""#, "end_of_word_suffix"),
    (["model", "ignore_merges"], "1", "ignore_merges"),
    (["model", "type"], #""WordPiece""#, "BPE"),
    (["model", "merges"], #"[["a", "ŧ"]]"#, "merge"),
    (["model", "merges"], #"["a b c"]"#, "two tokens"),
    (["model", "merges"], #"[["q", "z"]]"#, "qz"),
    (["model", "vocab"], #"{"a": 0, "b": 0}"#, "id 0"),
    (["model", "vocab"], #"{"a": 4000000000}"#, "whole number"),
    (["model", "vocab"], #"{"a": 20000000}"#, "20000000"),
    (["model", "vocab"], #"{"a": -1}"#, "whole number"),
    (["model", "vocab"], #"{"a": 1.5}"#, "whole number"),
    (["added_tokens"], #"[{"id": 77, "content": "<x>", "special": true}]"#, "<x>"),
    (["added_tokens"], #"[{"id": 1500, "content": ""}]"#, "content"),
    (["added_tokens"], #"[{"id": 1500, "content": "<x>"}, {"id": 1501, "content": "<x>"}]"#, "twice"),
    (["surprise"], "1", "surprise"),
  ]

  @Test(arguments: refused.indices) func whatIsNotImplementedIsRefused(_ index: Int) throws {
    let (path, text, word) = Self.refused[index]
    let value = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    var document = try document()
    if path.count == 1 {
      document[path[0]] = value
    } else {
      var part = try #require(document[path[0]] as? [String: Any])
      part[path[1]] = value
      document[path[0]] = part
    }
    let changed = document
    let error = try #require(throws: InputError.self) { try parse(changed) }
    #expect(error.description.contains(word), "\(error)")
    #expect(error.description.hasPrefix("test.json"), "\(error)")
  }

  /// A vocabulary with holes, in whose last one an added token would take the place of another token.
  @Test(
    arguments: [
      (["a": 0, "b": 2], [("<x>", 2)]), (["a": 0, "<y>": 2], [("<x>", 2), ("<y>", 2)]),
    ] as [([String: Int], [(String, Int)])])
  func anIDOfTwoTokensIsRefused(vocabulary: [String: Int], added: [(String, Int)]) throws {
    var document = try document()
    document["added_tokens"] = added.map { ["content": $0.0, "id": $0.1] as [String: Any] }
    document["model"] = ["vocab": vocabulary, "merges": []] as [String: Any]
    let changed = document
    let error = try #require(throws: InputError.self) { try parse(changed) }
    #expect(error.description == "test.json: the tokenizer gives id 2 to two tokens, one of them \"<x>\"")
  }

  @Test func aTokenizerOfTokensThatAreNotOneEachIsRefused() throws {
    func make(_ tokens: (Int32, String)...) throws -> Tokenizer {
      try Tokenizer(
        vocabulary: [[0x61], nil, Array("<y>".utf8)], merges: [],
        addedTokens: tokens.map { AddedToken(id: $0, content: $1) })
    }
    let tokenizer = try make((1, "<x>"), (2, "<y>"), (3, "<z>"))
    #expect(try parse(TokenizerFile.json(tokenizer)).addedTokens == tokenizer.addedTokens)
    #expect(throws: InputError.self) { try make((1, "<x>"), (1, "<z>")) }
    #expect(throws: InputError.self) { try make((1, "<x>"), (3, "<x>")) }
    #expect(throws: InputError.self) { try make((0, "<x>")) }
    #expect(throws: InputError.self) { try make((1, "")) }
    #expect(throws: InputError.self) { try make((-1, "<x>")) }
  }

  @Test func aFileCutShortIsRefused() throws {
    let bytes = try Golden.bytes("trained.json")
    for length in stride(from: 0, to: bytes.count - 1, by: 97) {
      #expect(throws: InputError.self) { try parse(Array(bytes[..<length])) }
    }
  }

  @Test(arguments: 0..<150) func damagedFilesNeverTrap(_ seed: Int) throws {
    var random = RandomText(seed: UInt64(seed))
    var bytes = try Golden.bytes("trained.json")
    for _ in 0...random.number(below: 4) {
      bytes[random.number(below: bytes.count)] = UInt8(random.number(below: 256))
    }
    do {
      let tokenizer = try parse(bytes)
      _ = try tokenizer.decode(tokenizer.encode("to be"))
    } catch is InputError {}
  }

  @Test(arguments: ["[", "{", "[1,", "\"\\u12", "nul", "{\"a\":}", String(repeating: "[", count: 100_000)])
  func whatIsNotJSONIsRefused(_ text: String) {
    #expect(throws: InputError.self) { try parse(Array(text.utf8)) }
    #expect(throws: InputError.self) { try parse(Array("{\"model\": \(text)".utf8)) }
    #expect(throws: InputError.self) { try parse(Array("{\"normalizer\": \(text)".utf8)) }
  }

  @Test func bytesWithoutTokensAreLeftOut() throws {
    var document = try document()
    document["added_tokens"] = [[String: Any]]()
    document["model"] = ["vocab": ["a": 0, "b": 1, "ab": 2], "merges": [["a", "b"]]]
    let tokenizer = try parse(document)
    #expect(tokenizer.encode("a\u{E9}b") == [2])
    #expect(tokenizer.encode("a,b ab") == [0, 1, 2])
    #expect(tokenizer.missingBytes.count == 254)
  }

  /// As in transformers, a text by itself knows neither.
  @Test func truncationAndPaddingAreLeftAlone() throws {
    var document = try document()
    document["truncation"] = ["max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"]
    document["padding"] = ["strategy": ["Fixed": 8], "direction": "Right", "pad_id": 0, "pad_token": "x"]
    expectSameIDs(try parse(document))
  }

  @Test func aTokenOutsideTheAlphabetIsNeverFound() throws {
    var document = try document()
    document["added_tokens"] = [[String: Any]]()
    document["model"] = ["vocab": ["a": 0, "\u{4E00}": 1, "\u{120}": 2], "merges": []] as [String: Any]
    let tokenizer = try parse(document)
    #expect(tokenizer.encode("a \u{4E00}") == [0, 2])
    #expect(try tokenizer.decode([1, 0]) == Array("\u{4E00}a".utf8))
    #expect(String(decoding: TokenizerFile.json(tokenizer), as: UTF8.self).contains("\"\u{4E00}\": 1"))
  }

  @Test(arguments: [
    ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
    ("\n<!DOCTYPE html>\n<html>", "HTML page"), ("<HTML><body>", "HTML page"),
  ]) func failedDownloadsAreNamed(_ text: String, _ what: String) throws {
    let folder = try TemporaryFolder()
    for name in ["tokenizer.json", "vocab.json"] {
      try folder.write(text, to: name)
      try folder.write(text, to: "merges.txt")
      let error = try #require(throws: InputError.self) { try TokenizerFile.read(path: folder.path(name)) }
      #expect(error.description.contains(what) && error.description.contains(name), "\(error)")
    }
  }

  @Test func missingFilesAreNamed() throws {
    let folder = try TemporaryFolder()
    let missing = folder.path("none.json")
    let error = try #require(throws: InputError.self) { try TokenizerFile.read(path: missing) }
    #expect(error.description.contains(missing))
    #expect(throws: InputError.self) { try TokenizerFile.read(path: folder.path) }
  }
}
