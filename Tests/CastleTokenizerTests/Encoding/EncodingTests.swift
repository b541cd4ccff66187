import CastleMeasurement
import CastleTokenizer
import Testing

struct EncodingTests {
  @Test(arguments: Golden.cases) func idsAreThoseOfPython(_ example: Golden.Case) throws {
    let tokenizer = try Golden.tokenizer()
    #expect(tokenizer.encode(example.bytes) == example.ids)
  }

  @Test func thereAreGoldenCases() {
    #expect(Golden.cases.count > 90)
  }

  @Test(arguments: Golden.cases) func decodingGivesTheTextAgain(_ example: Golden.Case) throws {
    let tokenizer = try Golden.tokenizer()
    let repaired = Array(String(decoding: example.bytes, as: UTF8.self).utf8)
    #expect(try tokenizer.decode(example.ids) == repaired)
    let kept = tokenizer.encode(example.bytes, invalidBytes: .kept)
    #expect(try tokenizer.decode(kept) == example.bytes)
  }

  @Test(arguments: 0..<200) func randomTextHasTheTokensOfTheDefinition(_ seed: Int) throws {
    let tokenizer = try Golden.tokenizer()
    var random = RandomText(seed: UInt64(seed))
    let text = String(decoding: random.text(longest: 80), as: UTF8.self)
    #expect(tokenizer.encode(text, specialTokens: .ordinary) == ReferenceEncoder(tokenizer).encode(text))
  }

  @Test(arguments: 0..<100) func randomBytesAreDecodedAgain(_ seed: Int) throws {
    let tokenizer = try Golden.tokenizer()
    var random = RandomText(seed: UInt64(seed))
    let bytes = random.bytes(longest: 300)
    #expect(try tokenizer.decode(tokenizer.encode(bytes, invalidBytes: .kept)) == bytes)
    let replaced = try tokenizer.decode(tokenizer.encode(bytes))
    #expect(replaced == Array(String(decoding: bytes, as: UTF8.self).utf8))
  }

  @Test(arguments: [2, 47, 48, 49, 50, 63, 65, 130, 1025]) func wordsOfAllLengthsHaveTheTokensOfTheDefinition(
    _ length: Int
  ) throws {
    let tokenizer = try Golden.tokenizer()
    let reference = ReferenceEncoder(tokenizer)
    for word in ["a", "the", "tooth", "--", "aab"] {
      let bytes = Array(String(repeating: word, count: length).utf8.prefix(length))
      #expect(tokenizer.encode(bytes) == reference.merge(bytes))
    }
  }

  @Test func wordsMetAgainHaveTheSameTokens() throws {
    let tokenizer = try Golden.tokenizer()
    let encoder = TokenEncoder(tokenizer)
    for example in Golden.cases + Golden.cases {
      var tokens: [Int32] = []
      example.bytes.withUnsafeBufferPointer { encoder.encode($0, into: &tokens) }
      #expect(tokens == example.ids, "\(example.name)")
    }
  }

  @Test func namesOfSpecialTokensCanBeOrdinaryText() throws {
    let tokenizer = try Golden.tokenizer()
    let text = "a<|endoftext|>b thee and thou"
    let special = tokenizer.encode(text)
    let ordinary = tokenizer.encode(text, specialTokens: .ordinary)
    let end = try #require(tokenizer.endOfText)
    #expect(special.contains(end))
    #expect(!ordinary.contains(end))
    let phrase = try #require(tokenizer.addedTokens.first { $0.content == "thee and thou" })
    #expect(ordinary.contains(phrase.id))
    #expect(try tokenizer.decode(ordinary) == Array(text.utf8))
  }

  @Test func textCanBeCutAtSafePlaces() throws {
    let tokenizer = try Golden.tokenizer()
    var cuts = 0
    for seed in 0..<60 {
      var random = RandomText(seed: UInt64(seed))
      var text = random.text(longest: 120) + Array(" thee and thou\u{3000} thee and thou  x".utf8)
      text += random.text(longest: 40)
      let cut = text.withUnsafeBufferPointer { tokenizer.lastSafeCut(in: $0, specialTokens: .recognized) }
      guard let cut else { continue }
      cuts += 1
      let parts = tokenizer.encode(text[..<cut]) + tokenizer.encode(text[cut...])
      #expect(parts == tokenizer.encode(text), "seed \(seed)")
    }
    #expect(cuts >= 50)
  }
}
