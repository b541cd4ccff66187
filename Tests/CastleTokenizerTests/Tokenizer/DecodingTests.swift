import CastleFormats
import CastleTokenizer
import Testing

struct DecodingTests {
  @Test func specialTokensCanBeLeftOut() throws {
    let tokenizer = try Golden.tokenizer()
    let tokens = tokenizer.encode("one<|endoftext|>two thee and thou")
    #expect(try tokenizer.decode(tokens, skippingSpecialTokens: true) == Array("onetwo thee and thou".utf8))
  }

  @Test(arguments: [-1, 1503, 99_999, Int32.max, Int32.min]) func idsThatAreNoTokensAreRefused(_ id: Int32)
    throws
  {
    let tokenizer = try Golden.tokenizer()
    let size = Int32(tokenizer.vocabularySize)
    let stray = id == 1503 ? size : id
    let error = try #require(throws: InputError.self) { try tokenizer.decode([1, stray]) }
    #expect(error.description.contains("\(stray)"))
    #expect(error.description.contains("\(size)"))
    #expect(tokenizer.bytes(of: stray).isEmpty)
  }
}
