import CastleFormats
import Foundation
import Testing

struct JSONValueTests {
  private func parse(_ text: String) throws -> JSONValue { try parse(Array(text.utf8)) }

  private func parse(_ bytes: [UInt8]) throws -> JSONValue {
    try bytes.withUnsafeBytes { bytes in
      var scanner = JSONScanner(bytes, name: "x.json")
      let value = try scanner.value()
      try scanner.finish()
      return value
    }
  }

  private func message(_ text: String) -> String {
    let error = #expect(throws: InputError.self) { try parse(text) }
    return error?.description ?? "accepted"
  }

  static let values: [(String, JSONValue)] = [
    (" null ", .null), ("true", .bool(true)), ("\n[ ]", .list([])), ("{ }", .object([:])),
    ("0", .integer(0)), ("-12", .integer(-12)), ("9223372036854775807", .integer(.max)),
    ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("-0.5e+3", .number(-500)),
    ("1E2", .number(100)),
    (#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, .string("a\"\\/\u{8}\u{c}\n\r\té😀")),
    (#""\ud800x""#, .string("\u{FFFD}x")), (#""\ud800\u0041""#, .string("\u{FFFD}A")),
    (
      #"{"a": [1, {"b": "é"}], "": null}"#,
      .object(["a": .list([.integer(1), .object(["b": .string("é")])]), "": .null])
    ),
  ]

  @Test(arguments: values) func valuesAreRead(text: String, value: JSONValue) throws {
    #expect(try parse(text) == value)
    #expect(try parse(value.text) == value)
    #expect(try parse(value.indentedText) == value)
  }

  @Test(arguments: [
    "", "nul", "tru e", "01", "1.", ".5", "+1", "-", "1e", "0x10", "nan", "inf", "1e999", "'a'", "[1,]",
    "[1 2]",
    "{\"a\"}", "{\"a\":1,}", "{a:1}", "\"a", "\"\n\"", "\"\\x\"", "\"\\u12g4\"", "1 2", "[", "{", "}", "é",
  ])
  func whatIsNotJSONIsRefused(_ text: String) {
    #expect(message(text).contains("x.json is malformed at line "))
  }

  @Test func errorsHaveTheirPlace() {
    #expect(message("{\n  \"a\": 1,\n  \"b\" 2\n}").contains("line 3, column 7: expected ':'"))
    #expect(message("[1,\n2,\nx]").contains("line 3, column 1: expected a value"))
    #expect(message("{\"a\": 1,\n \"a\": 2}").contains("line 2, column 6: expected \"a\" once"))
  }

  @Test func nestingIsLimited() throws {
    func nested(_ depth: Int, _ open: String, _ close: String) -> String {
      String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
    }
    let limit = JSONScanner.depthLimit
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
      _ = try parse(nested(limit - 1, open, close))
      #expect(message(nested(limit, open, close)).contains("at most \(limit) levels"))
      #expect(message(String(repeating: open, count: 100_000)).contains("levels"))
    }
  }

  @Test func stringsMustBeUTF8() {
    let error = #expect(throws: InputError.self) {
      try parse(Array("[\"ab".utf8) + [0xC3, 0x28] + Array("\"]".utf8))
    }
    #expect(error?.description.contains("UTF-8") == true)
  }

  @Test func indentedTextIsThatOfOtherPrograms() throws {
    let value = JSONValue.object([
      "b": .list([.integer(1), .list([])]), "a": .number(0.5), "c": .object([:]),
    ])
    #expect(value.indentedText == "{\n  \"a\": 0.5,\n  \"b\": [\n    1,\n    []\n  ],\n  \"c\": {}\n}\n")
    #expect(value.sortedText == #"{"a":0.5,"b":[1,[]],"c":{}}"#)
  }

  @Test func membersKeepTheirOrder() throws {
    let text = #"{"b":[1,[]],"a":0.5,"c":{"z":null,"y":true}}"#
    #expect(try parse(text).text == text)
    #expect(try parse(text).line == Array((text + "\n").utf8))
    #expect(try parse(text) == parse(#"{"a":0.5,"c":{"y":true,"z":null},"b":[1,[]]}"#))
    var members: JSONValue.Members = ["b": .integer(1), "a": .integer(2)]
    members["c"] = .integer(3)
    members["b"] = .integer(4)
    #expect(
      JSONValue.object(members + ["a": .integer(5), "d": .integer(6)]).text == #"{"b":4,"a":5,"c":3,"d":6}"#)
    members["b"] = nil
    #expect(JSONValue.object(members).text == #"{"a":2,"c":3}"#)
    #expect(JSONValue.object(["not finite": .number(.nan)]).text == #"{"not finite":null}"#)
  }

  /// The same verdict as Foundation's parser on documents with a few bytes changed.
  @Test(arguments: 0..<200) func damagedDocumentsAreJudgedAsByFoundation(seed: Int) throws {
    var random = SeededGenerator(state: UInt64(seed))
    let original = #"{"a": [1, -2.5e3, true, null], "b": {"c": "d\né", "e": []}, "f": "ééé"}"#
    var bytes = Array(original.utf8)
    for _ in 0...Int.random(in: 0..<3, using: &random) {
      bytes[Int.random(in: bytes.indices, using: &random)] =
        Bool.random(using: &random)
        ? .random(in: 0...127, using: &random)
        : Array(#"{}[],:"0123.eE-\"#.utf8).randomElement(using: &random)!
    }
    let foundation = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    do {
      _ = try parse(bytes)
      #expect(foundation != nil, "\(String(decoding: bytes, as: UTF8.self))")
    } catch let error as InputError {
      #expect(
        foundation == nil || error.description.contains("once"),
        "\(error): \(String(decoding: bytes, as: UTF8.self))")
    }
  }
}

/// SplitMix64.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
