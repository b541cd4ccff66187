import CastleFormats
import Foundation
import Testing

struct TextEncodingTests {
  private let text = "Line one,\nß € 漢字 \u{1F600} – and then some plain words to the end.\n"

  private func utf8(_ bytes: [UInt8], step: Int = 5) throws -> String {
    let (encoding, markLength) = TextEncoding.recognize(bytes)
    let source = MemorySource(Array(bytes.dropFirst(markLength)))
    let text: any ByteSource = WideTextSource(source, encoding: encoding) ?? source
    var result: [UInt8] = []
    while case let more = try text.read(step), !more.isEmpty { result += more }
    return String(decoding: result, as: UTF8.self)
  }

  @Test(arguments: [
    String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian, .utf32BigEndian, .utf8,
  ])
  func everyEncodingIsRecognized(_ encoding: String.Encoding) throws {
    #expect(try utf8([UInt8](("\u{FEFF}" + text).data(using: encoding)!)) == text)
    #expect(try utf8([UInt8](text.data(using: encoding)!)) == text)
    let long = String(repeating: text, count: 2_000)
    #expect(try utf8([UInt8](("\u{FEFF}" + long).data(using: encoding)!), step: 4_001) == long)
  }

  @Test func whatIsNoCharacterIsNone() throws {
    #expect(try utf8([0xFF, 0xFE, 0x61, 0x00, 0x00, 0xD8, 0x62, 0x00]) == "a\u{FFFD}b")
    #expect(try utf8([0xFF, 0xFE, 0x61, 0x00, 0x00, 0xDC, 0x62]) == "a\u{FFFD}\u{FFFD}")
    #expect(try utf8([0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0, 0, 0, 0x11, 0x00]) == "a\u{FFFD}")
  }

  @Test func textWithZeroBytesIsUTF8() {
    #expect(TextEncoding.recognize(Array("a\0b and more".utf8)).encoding == .utf8)
    #expect(TextEncoding.recognize(Array("\0\0\0\0\0\0\0\0".utf8)).encoding == .utf8)
    #expect(TextEncoding.recognize([]).encoding == .utf8)
  }
}
