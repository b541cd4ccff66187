import CastleFormats
import CastleMeasurement
import CastleTokenizer
import Foundation
import Testing

struct PatternTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let pattern: String
    let behavior: String
    let invert: Bool
    let pieces: [[String]]

    var testDescription: String { "\(pattern) \(behavior)" }
  }

  private static let texts: [String] = {
    let lines = (try? JSONSerialization.jsonObject(with: Data(Golden.bytes("patterns.json")))) as? [Any]
    return (lines?.first as? [String: Any])?["texts"] as? [String] ?? []
  }()

  private static let cases: [Case] = {
    guard let data = try? Data(Golden.bytes("patterns.json")),
      let lines = try? JSONSerialization.jsonObject(with: data) as? [Any]
    else { return [] }
    return lines.dropFirst().compactMap { line in
      (try? JSONSerialization.data(withJSONObject: line)).flatMap {
        try? JSONDecoder().decode(Case.self, from: $0)
      }
    }
  }()

  /// A tokenizer of bytes that joins whatever is in one piece: the tokens show where a text was cut.
  private static func pieces(of text: String, preTokenizer: [String: Any]) throws -> [String] {
    let byteLevel: [String: Any] = ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false]
    let parts: [String: Any] = ["type": "Sequence", "pretokenizers": [preTokenizer, byteLevel]]
    let json = try JSONSerialization.data(withJSONObject: parts)
    let cutter = try PreTokenPieces(json: [UInt8](json))
    return cutter.pieces(of: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func thereAreCases() {
    #expect(Self.cases.count > 300)
    #expect(Self.texts.count == 7)
  }

  @Test(arguments: cases) func patternsCutAsInPython(_ example: Case) throws {
    let split: [String: Any] = [
      "type": "Split", "pattern": ["Regex": example.pattern], "behavior": example.behavior,
      "invert": example.invert,
    ]
    for (text, expected) in zip(Self.texts, example.pieces) {
      let pieces = try Self.pieces(of: text, preTokenizer: split)
      #expect(pieces.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(text.debugDescription)")
    }
  }

  /// The scanner of a published pattern and the pattern itself, in a group so that it is not recognized.
  @Test(arguments: ["gpt2", "cl100k", "o200k", "qwen", "tekken"]) func scannersCutAsTheirPatterns(
    _ name: String
  ) throws {
    let kind = try #require(PreTokenizerKind(rawValue: name))
    let pattern = try #require(PreTokenPieces.pattern(of: kind))
    for seed in 0..<400 {
      var random = RandomText(seed: UInt64(seed))
      let text = String(decoding: random.text(longest: 80), as: UTF8.self)
      func split(_ pattern: String) -> [String: Any] {
        ["type": "Split", "pattern": ["Regex": pattern], "behavior": "Isolated", "invert": false]
      }
      let fast = try Self.pieces(of: text, preTokenizer: split(pattern))
      let plain = try Self.pieces(of: text, preTokenizer: split("(?:\(pattern))"))
      #expect(fast == plain, "seed \(seed)")
    }
  }

  @Test(arguments: [
    ("(a", "without its end"), ("a)", "unmatched"), ("*a", "after nothing"), ("[a", "without its end"),
    (#"\1"#, #"\1"#),
    ("(?<name>a)", "(?<"), (#"\p{Nonsense}"#, "Nonsense"), ("[z-a]", "backwards"), ("(a+|b)+c", "forever"),
    ("(?i)strasse", "another case"), ("(?<=a+)b", "look behind"), (#"\k<a>"#, #"\k"#),
    ("a{2,1}", "backwards"),
    ("(?:(?:a{1,1000}){1,1000}){1,1000}", "too long"), ("(?x) a", "option"),
  ]) func whatIsNotImplementedIsRefused(_ pattern: String, _ word: String) throws {
    let error = try #require(throws: InputError.self) {
      try Self.pieces(
        of: "a",
        preTokenizer: [
          "type": "Split", "pattern": ["Regex": pattern], "behavior": "Isolated", "invert": false,
        ])
    }
    #expect(error.description.contains(word), "\(error)")
  }

  /// A pattern that tries more ways than any time allows counts as not found.
  @Test func backtrackingEnds() throws {
    let split: [String: Any] = [
      "type": "Split", "pattern": ["Regex": "a*a*a*a*a*a*b"], "behavior": "Isolated", "invert": false,
    ]
    let text = String(repeating: "a", count: 300)
    #expect(try Self.pieces(of: text, preTokenizer: split) == [text])
  }
}
