import CastleEvaluation
import CastleFormats
import CastleMeasurement
import Testing

@Suite struct TaskSetTests {
  private static let choice = #"{"context": "a", "choices": ["b", "c"], "answer": 1}"#

  @Test func formsAreRecognized() throws {
    let folder = try TemporaryFolder()
    for (line, kind, count) in [
      (
        #"{"sentence_good": "a", "sentence_bad": "b", "UID": "x", "more": [{"a": null}]}"#,
        TaskKind.sentencePairs, 2
      ),
      (Self.choice, .multipleChoice, 2),
      (#"{"contexts": ["a", "b", ""], "continuation": "c", "answer": 0}"#, .contextChoice, 3),
      (#"{"context": "", "continuation": " c", "delimiter": ""}"#, .cloze, 1),
    ] {
      let set = try TaskSet(path: folder.write("\r\n  \n\(line)\r\n\n\(line)", to: "set.jsonl"))
      #expect(set.kind == kind && set.name == "set")
      #expect(set.items.map(\.choiceCount) == [count, count])
      #expect(set.items.map(\.line) == [3, 5])
    }
  }

  @Test(arguments: [
    (
      #"{"context": "a", "choices": ["b"], "answer": 0}"#,
      #":2: "choices" has 1 element; give from 2 to 1000"#
    ),
    (#"{"context": "a", "choices": [], "answer": 0}"#, #":2: "choices" has 0 elements"#),
    (#"{"contexts": ["b"], "continuation": "a", "answer": 0}"#, #":2: "contexts" has 1 element"#),
    (#"{"context": "a", "choices": ["b", "c"], "answer": 2}"#, "must be from 0 to 1"),
    (#"{"context": "a", "choices": ["b", "c"], "answer": -1}"#, "counted from 0"),
    (#"{"context": "a", "choices": ["b", "c"], "answer": "A"}"#, "counted from 0"),
    (#"{"context": "a", "choices": ["b", "c"], "answer": 0.5}"#, "line 2"),
    (#"{"context": "a", "choices": ["b", "c"], "answer": 99999999999999999999}"#, "line 2"),
    (#"{"context": "a", "choices": ["b", "c"]}"#, #":2: "answer" is missing"#),
    (#"{"choices": ["b", "c"], "answer": 0}"#, #":2: "context" is missing"#),
    (#"{"context": "a", "choices": ["b", ""], "answer": 0}"#, ":2: choice 1 is empty"),
    (#"{"context": "a", "choices": ["b", 1], "answer": 0}"#, #"line 2"#),
    (#"{"context": "a", "choices": "bc", "answer": 0}"#, "a list of strings"),
    (#"{"context": 1, "choices": ["b", "c"], "answer": 0}"#, #"a string for "context""#),
    (#"{"context": "a", "contexts": ["a"], "choices": ["b", "c"], "answer": 0}"#, "both"),
    (#"{"context": "a", "context": "a", "choices": ["b", "c"], "answer": 0}"#, "once"),
    (#"{"contexts": ["a", "b"], "answer": 0}"#, #":2: "continuation" is missing"#),
    (#"{"context": "a"}"#, #":2: "continuation" is missing"#),
    (#"{"context": "a", "continuation": ""}"#, ":2: the continuation is empty"),
    (#"{"sentence_good": "a"}"#, #":2: "sentence_bad" is missing"#),
    (#"{"sentence_good": "a", "sentence_bad": ""}"#, ":2: choice 1 is empty"),
    (#"{"query": "a", "choices_": ["b"], "gold": 0}"#, "scripts/convert-tasks"),
    (#"{"context": "a", "continuation": "b"}"#, ":2: this question is of the kind cloze"),
    (#"["a"]"#, "one JSON object on each line"), ("{", "line 2"), (#"{"context": "a"} {}"#, "line 2"),
    (String(repeating: "[", count: 10_000), "one JSON object on each line"),
  ])
  func badLinesAreNamed(line: String, words: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("\(Self.choice)\n\(line)\n", to: "set.jsonl")
    let error = #expect(throws: InputError.self) { try TaskSet(path: path) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains(path) == true)
  }

  @Test func badFilesAreNamed() throws {
    let folder = try TemporaryFolder()
    func expect(_ path: String, _ words: String) {
      let error = #expect(throws: InputError.self) { try TaskGroup(path: path) }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
    expect(folder.path("none.jsonl"), "there is no task file or folder")
    expect(folder.path, "no task file; their names end in .jsonl")
    expect(try folder.write("", to: "empty.jsonl"), "holds no questions")
    expect(try folder.write("\n \n\r\n", to: "blank.jsonl"), "holds no questions")
    expect("/dev/zero", "regular file")
    let invalid = Array(#"{"context": ""#.utf8) + [0xFF] + Array(#"", "continuation": "b"}"#.utf8)
    expect(try folder.write(invalid, to: "latin.jsonl"), "line 1, column 14: expected a string in UTF-8")
    let huge = Array(repeating: UInt8(ascii: "x"), count: 5 << 20)
    expect(try folder.write(Array("\n".utf8) + huge, to: "huge.jsonl"), "huge.jsonl:2: the line has 5 MB")
  }
}
