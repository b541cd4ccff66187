import CastleFormats
import CastleTokenizer
import Foundation
import Testing

struct AddedTokenTests {
  struct Example: Decodable, Sendable, CustomTestStringConvertible {
    struct Case: Decodable { let text: String, ids: [Int32] }

    let name: String
    let tokenizer: String
    let cases: [Case]

    var testDescription: String { name }
  }

  private static let examples: [Example] =
    (try? JSONDecoder().decode([Example].self, from: Data(Golden.bytes("added.json")))) ?? []

  private func parse(_ json: String) throws -> Tokenizer {
    try Array(json.utf8).withUnsafeBufferPointer { try TokenizerFile.parse($0, name: "test.json") }
  }

  @Test(arguments: examples) func tokensOfAllFlagsAreFoundAsInPython(_ example: Example) throws {
    let tokenizer = try parse(example.tokenizer)
    for item in example.cases {
      #expect(tokenizer.encode(item.text) == item.ids, "\(item.text.debugDescription)")
    }
    #expect(example.cases.count > 10)
  }

  @Test(arguments: examples) func flagsAreWritten(_ example: Example) throws {
    let tokenizer = try parse(example.tokenizer)
    let again = try parse(String(decoding: TokenizerFile.json(tokenizer), as: UTF8.self))
    #expect(again.addedTokens == tokenizer.addedTokens)
  }

  @Test func contentsAreBytes() throws {
    let tokenizer = try Tokenizer(
      vocabulary: (0..<256).map { [UInt8($0)] }, merges: [],
      addedTokens: ["\u{3A9}", "\u{2126}", "\u{1EC7}", "e\u{323}\u{302}"].enumerated().map {
        AddedToken(id: Int32(256 + $0), content: $1)
      })
    #expect(tokenizer.encode("\u{2126}\u{3A9}e\u{323}\u{302}\u{1EC7}") == [257, 256, 259, 258])
    let again = try parse(String(decoding: TokenizerFile.json(tokenizer), as: UTF8.self))
    #expect(again.addedTokens == tokenizer.addedTokens)
  }

  @Test func namesOfTheVocabularyAreBytes() throws {
    let json = """
      {"model": {"type": "BPE", "unk_token": "?", "merges": [],
        "vocab": {"?": 0, "\u{3A9}": 1, "\u{2126}": 2, "\u{1EC7}": 3, "e": 4, "\u{323}": 5, "\u{302}": 6}}}
      """
    let tokenizer = try parse(json)
    #expect(tokenizer.encode("\u{3A9}\u{2126}\u{1EC7}e\u{323}\u{302}x") == [1, 2, 3, 4, 5, 6, 0])
  }

  /// The time for a text grows with its length, not with the number of tokens that share its first bytes.
  @Test func manyTokensCostNoMoreThanFew() throws {
    func time(_ count: Int) throws -> Duration {
      let tokenizer = try Tokenizer(
        vocabulary: (0..<256).map { [UInt8($0)] }, merges: [],
        addedTokens: (0..<count).map { AddedToken(id: Int32(256 + $0), content: "<extra_\($0)>") })
      let text = String(repeating: "<p>a <extra_7> b</p> <extra ", count: 4000)
      let encoder = TokenEncoder(tokenizer)
      return ContinuousClock().measure {
        var tokens: [Int32] = []
        Array(text.utf8).withUnsafeBufferPointer { encoder.encode($0, into: &tokens) }
        #expect(tokens.filter { $0 == 263 }.count == 4000)
      }
    }
    let few = try time(8)
    #expect(try time(30_000) < few * 20 + Duration.milliseconds(20))
  }
}
