import CastleGeneration
import CastleTokenizer
import Testing

struct GeneratedTextTests {
  /// A tokenizer whose tokens are the bytes.
  private static let bytes = Result {
    try Tokenizer(vocabulary: (0..<256).map { [UInt8($0)] }, merges: [], addedTokens: [])
  }

  /// What comes out when the bytes of a text come one by one, and in the end.
  private func pieces(_ text: [UInt8], stops: [String] = []) throws -> (pieces: [String], rest: String) {
    var generated = GeneratedText(try Self.bytes.get(), stops: stops)
    let pieces = text.map { generated.append(Int32($0)) }
    return (pieces, generated.finish())
  }

  @Test func halfACharacterWaitsForItsEnd() throws {
    let (pieces, rest) = try pieces(Array("aé😀".utf8))
    #expect(pieces == ["a", "", "é", "", "", "", "😀"])
    #expect(rest.isEmpty)
  }

  @Test func whatCannotBeACharacterIsReplaced() throws {
    let (pieces, rest) = try pieces([0x61, 0xFF, 0xC3, 0x62, 0xE2, 0x82])
    #expect(pieces.joined() == "a\u{FFFD}\u{FFFD}b")
    #expect(rest == "\u{FFFD}")
  }

  @Test func aStopStringMayLieAcrossCharacters() throws {
    let (pieces, rest) = try pieces(Array("xy é! z".utf8), stops: ["é!"])
    #expect(pieces.joined() + rest == "xy ")
    let other = try self.pieces(Array("xy é".utf8), stops: ["é!"])
    #expect(other.pieces.joined() == "xy " && other.rest == "é")
  }

  @Test func aTokenThatTheTokenizerLacksGivesNothing() throws {
    var generated = GeneratedText(try Self.bytes.get())
    #expect(generated.append(300).isEmpty && generated.append(0x61) == "a")
  }
}
