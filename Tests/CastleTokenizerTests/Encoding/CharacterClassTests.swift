import CastleTokenizer
import Testing

struct CharacterClassTests {
  /// Runs of L, N, S and O with their lengths, made by Python's `tokenizers`.
  @Test func everyScalarHasTheClassThatPythonGivesIt() throws {
    let names: [CharacterClass: UInt8] = [
      .letter: UInt8(ascii: "L"), .number: UInt8(ascii: "N"), .space: UInt8(ascii: "S"),
      .other: UInt8(ascii: "O"),
    ]
    var value: UInt32 = 0
    for run in String(decoding: try Golden.bytes("character-classes.txt"), as: UTF8.self).split(
      separator: " ")
    {
      let length = try #require(UInt32(run.dropFirst().filter(\.isNumber)))
      for scalar in (value..<value + length).compactMap(Unicode.Scalar.init) {
        if names[CharacterClasses.of(scalar)] != run.utf8.first {
          Issue.record("U+\(String(scalar.value, radix: 16)) is not \(run.prefix(1))")
        }
      }
      value += length
    }
    #expect(value == 0x110000)
  }
}
