import CastleTokenizer
import Testing

struct TextStreamTests {
  @Test(arguments: Golden.cases) func aTextComesOutAsItIsWhateverItsPieces(_ example: Golden.Case) {
    for size in [1, 2, 3, 5] {
      var stream = TextStream()
      var text = ""
      for start in stride(from: 0, to: example.bytes.count, by: size) {
        text += stream.append(example.bytes[start..<min(start + size, example.bytes.count)])
      }
      text += stream.finish()
      #expect(Array(text.utf8) == Array(String(decoding: example.bytes, as: UTF8.self).utf8))
    }
  }

  @Test func charactersComeOutWhenTheyAreComplete() {
    var stream = TextStream()
    #expect(stream.append([0x61, 0xF0]) == "a")
    #expect(stream.append([0x9F, 0x98]) == "")
    #expect(stream.append([0x80]) == "\u{1F600}")
    #expect(stream.append([0xE2, 0x82, 0x62]) == "\u{FFFD}b")
    #expect(stream.append([0x80]) == "\u{FFFD}")
    #expect(stream.append([0xE2]) == "")
    #expect(stream.finish() == "\u{FFFD}")
    #expect(stream.finish() == "")
  }
}
