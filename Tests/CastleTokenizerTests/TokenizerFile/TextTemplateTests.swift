import CastleFormats
import CastleTokenizer
import Testing

struct TextTemplateTests {
  /// The tokenizer of two letters and two special tokens whose file has the given `post_processor`.
  private func tokenizer(_ postProcessor: String) throws -> Tokenizer {
    let byteLevel = #"{"type": "ByteLevel", "add_prefix_space": false}"#
    let json = """
      {"added_tokens": [{"id": 2, "content": "<s>", "special": true},
       {"id": 3, "content": "</s>", "special": true}],
       "pre_tokenizer": \(byteLevel), "post_processor": \(postProcessor), "decoder": \(byteLevel),
       "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}
      """
    return try Array(json.utf8).withUnsafeBufferPointer { try TokenizerFile.parse($0, name: "test.json") }
  }

  private static func piece(_ kind: String, _ id: String) -> String {
    #"{"\#(kind)": {"id": "\#(id)", "type_id": 0}}"#
  }

  private static func template(_ pieces: [String]) -> String {
    #"{"type": "TemplateProcessing", "single": [\#(pieces.joined(separator: ","))], "pair": [], "#
      + #""special_tokens": {"<s>": {"id": "<s>", "ids": [2], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "#
      + #""ids": [3, 3], "tokens": []}, "<x>": {"id": "<x>", "ids": [9]}}}"#
  }

  private static let start = piece("SpecialToken", "<s>")
  private static let end = piece("SpecialToken", "</s>")
  private static let text = piece("Sequence", "A")
  private static let byteLevel = #"{"type": "ByteLevel", "trim_offsets": true}"#

  private static let read: [(file: String, template: TextTemplate)] = [
    ("null", TextTemplate()), (byteLevel, TextTemplate()), (template([text]), TextTemplate()),
    (template([start, text]), TextTemplate(before: [2])),
    (template([start, text, end]), TextTemplate(before: [2], after: [3, 3])),
    (
      #"{"type": "Sequence", "processors": [\#(byteLevel), \#(template([start, text]))]}"#,
      TextTemplate(before: [2])
    ),
    (
      #"{"type": "Sequence", "processors": [\#(template([text, end])), \#(template([end, text, start]))]}"#,
      TextTemplate(before: [3, 3], after: [3, 3, 2])
    ),
  ]

  @Test(arguments: read.indices) func theFileSaysWhichTokensATextGets(_ index: Int) throws {
    let tokenizer = try tokenizer(Self.read[index].file)
    let expected = Self.read[index].template
    #expect(tokenizer.template == expected)
    #expect(expected.apply(to: tokenizer.encode("ab")) == expected.before + [0, 1] + expected.after)
    let copy = try TokenizerFile.json(tokenizer).withUnsafeBufferPointer {
      try TokenizerFile.parse($0, name: "copy.json")
    }
    #expect(copy.template == expected)
  }

  @Test(arguments: [
    (template([start]), "leaves out"), (template([text, text]), "once"),
    (template([piece("Sequence", "B")]), "Sequence"),
    (template([piece("SpecialToken", "<y>"), text]), "<y>"),
    (template([piece("SpecialToken", "<x>"), text]), "9"), (#"{"type": "TemplateProcessing"}"#, "single"),
    (#"{"type": "Sequence"}"#, "processors"), (#"{"type": "BertProcessing"}"#, "BertProcessing"), ("7", "7"),
  ])
  func whatCannotBeReadIsNamed(file: String, word: String) throws {
    let error = try #require(throws: InputError.self) { try tokenizer(file) }
    #expect(error.description.hasPrefix("test.json") && error.description.contains(word), "\(error)")
  }
}
