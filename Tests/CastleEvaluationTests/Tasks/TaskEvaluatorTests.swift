import CastleEvaluation
import CastleFormats
import CastleMeasurement
import CastleModel
import CastleTokenizer
import Foundation
import Testing

@Suite struct TaskEvaluatorTests {
  private func evaluate(
    _ language: TinyLanguage, _ path: String, _ examples: TaskExamples = .none
  ) throws -> [TaskGroupResult] {
    let evaluator = TaskEvaluator(language.model, tokenizer: language.tokenizer)
    return try #require(try evaluator.evaluate([TaskGroup(path: path)], examples: examples))
  }

  private func line(_ context: String, _ choices: [String], _ answer: Int) -> String {
    JSONValue.object([
      "context": .string(context), "choices": .list(choices.map { .string($0) }), "answer": .integer(answer),
    ]).text
  }

  private static let contexts = [
    "To be", "", "Or  ", "Is it\n", "A longer one, which goes on and on, and on, and is cut at last",
  ]
  private static let choices = ["not", "or not to be", "é", "it", "it was longer"]

  /// What the most probable choice is, with and without its length, from logits of one text at a time.
  @Test(arguments: [false, true])
  func choicesAreScoredAsTheyStand(hasTemplate: Bool) throws {
    let language = try TinyLanguage(maximumLength: 48, hasTemplate: hasTemplate)
    var (plain, normalized) = ([Double](), [Double]())
    var lines: [String] = []
    for (index, context) in Self.contexts.enumerated() {
      let logs = try Self.choices.map { try language.logProbability(of: " " + $0, after: context) }
      let perByte = zip(logs, Self.choices).map { $0 / Double($1.utf8.count) }
      let answer = index % Self.choices.count
      plain.append(logs[answer] == logs.max() ? 1 : 0)
      normalized.append(perByte[answer] == perByte.max() ? 1 : 0)
      lines.append(line(context, Self.choices, answer))
      // The same question with the answer that the model gives, so that there is something right.
      let best = try #require(logs.indices.max { logs[$0] < logs[$1] })
      plain.append(1)
      normalized.append(perByte[best] == perByte.max() ? 1 : 0)
      lines.append(line(context, Self.choices, best))
    }
    let result = try #require(try evaluate(language, language.write(lines)).first?.sets.first)
    #expect(result.kind == .multipleChoice && result.items == 10 && result.name == "task")
    #expect(result.accuracy.value == plain.reduce(0, +) / 10)
    #expect(result.normalizedAccuracy?.value == normalized.reduce(0, +) / 10)
    #expect(result.perplexity == nil)
    #expect(result.cutItems == 2)
    let p = result.accuracy.value
    #expect(abs((result.accuracy.standardError ?? 0) - (p * (1 - p) / 9).squareRoot()) < 1e-12)
  }

  /// A whole pass of questions gives what each gives alone.
  @Test func manyQuestionsShareAPass() throws {
    let language = try TinyLanguage()
    let words = (0..<300).map { "w\($0 * 7919 % 1000)" }
    let lines = try (0..<150).map { index in
      let pair = [words[2 * index], words[2 * index + 1]]
      let logs = try pair.map { try language.logProbability(of: $0, after: "") }
      let ordered = logs[0] > logs[1] ? pair : pair.reversed()
      return "{\"sentence_good\": \"\(ordered[0])\", \"sentence_bad\": \"\(ordered[1])\"}"
    }
    let result = try #require(try evaluate(language, language.write(lines)).first)
    #expect(result.accuracy.value == 1 && result.sets.first?.kind == .sentencePairs)
    let turned = lines.map {
      $0.replacing("_good", with: "_x").replacing("_bad", with: "_good").replacing("_x", with: "_bad")
    }
    #expect(try evaluate(language, language.write(turned)).first?.accuracy.value == 0)
    let equal = #"{"sentence_good": "same", "sentence_bad": "same"}"#
    #expect(
      try evaluate(language, language.write([equal])).first?.accuracy == .init(value: 0, standardError: nil))
  }

  @Test func contextsCanBeTheChoices() throws {
    let language = try TinyLanguage()
    let contexts = ["Ann saw that Ann", "Ann saw that Eve"]
    let logs = try contexts.map { try language.logProbability(of: " left.", after: $0) }
    let best = logs[0] > logs[1] ? 0 : 1
    let lines = [0, 0, 1].map {
      #"{"contexts": ["\#(contexts[0])", "\#(contexts[1])"], "continuation": "left.", "answer": \#($0)}"#
    }
    let result = try #require(try evaluate(language, language.write(lines)).first?.sets.first)
    #expect(result.kind == .contextChoice && result.normalizedAccuracy == nil)
    #expect(abs(result.accuracy.value - (best == 0 ? 2.0 : 1.0) / 3) < 1e-12)
  }

  @Test func clozeKnowsPerplexityAndGreedyText() throws {
    let language = try TinyLanguage()
    // The byte that greedy decoding would write after "ab", asked without a space between.
    let logits = try language.model.logits([97, 98]).suffix(257)
    let greedy = try #require(logits.indices.max { logits[$0] < logits[$1] }) - logits.startIndex
    let text = greedy < 128 ? String(UnicodeScalar(UInt8(greedy))) : "\u{FFFD}"
    let line = JSONValue.object([
      "context": .string("ab"), "continuation": .string(text), "delimiter": .string(""),
    ])
    let other = #"{"context": "ab", "continuation": "zz", "delimiter": ""}"#
    let result = try #require(try evaluate(language, language.write([line.text, other])).first?.sets.first)
    let logs = try [text, "zz"].map { try language.logProbability(of: $0, after: "ab") }
    let perplexity = try #require(result.perplexity)
    #expect(abs(log(perplexity.value) + (logs[0] + logs[1]) / 2) < 1e-4)
    #expect(abs((perplexity.standardError ?? 0) / perplexity.value - abs(logs[0] - logs[1]) / 2) < 1e-4)
    if greedy < 128, !text.allSatisfy(\.isWhitespace) { #expect(result.accuracy.value == 0.5) }
  }

  /// Examples are what stands before the question: the same as a file in which they are written out.
  @Test func examplesStandBeforeTheQuestion() throws {
    let language = try TinyLanguage(maximumLength: 256)
    let examples = [line("1+1 is", ["two", "three"], 0), line("1+2 is", ["two", "three"], 1)]
    let source = try TaskSet(path: language.write(examples, to: "examples.jsonl"))
    let cloze = (0..<8).map { #"{"context": "\#($0) and", "continuation": "x\#($0 * $0)"}"# }
    let clozeExamples = [
      #"{"context": "5 and", "continuation": "y"}"#, #"{"context": "6 and", "continuation": "z"}"#,
    ]
    let clozeSource = try TaskSet(path: language.write(clozeExamples, to: "cloze-examples.jsonl"))
    let shown = cloze.map { $0.replacing(#""context": ""#, with: #""context": "5 and y\n\n6 and z\n\n"#) }
    let drawn = try evaluate(
      language, language.write(cloze), TaskExamples(count: 2, seed: 9, source: clozeSource))
    #expect(try drawn.first?.sets == evaluate(language, language.write(shown)).first?.sets)
    #expect(throws: InputError.self) {
      try evaluate(language, language.write(cloze), TaskExamples(count: 2, source: source))
    }
  }

  /// With two questions and one example, the example is the other question.
  @Test func aQuestionIsNoExampleForItself() throws {
    let language = try TinyLanguage(maximumLength: 256)
    let lines = [#"{"context": "a", "continuation": "b"}"#, #"{"context": "c", "continuation": "d"}"#]
    let shown = [
      #"{"context": "c d\n\na", "continuation": "b"}"#, #"{"context": "a b\n\nc", "continuation": "d"}"#,
    ]
    for seed: UInt64 in 1...5 {
      let drawn = try evaluate(language, language.write(lines), TaskExamples(count: 1, seed: seed))
      #expect(try drawn.first?.sets == evaluate(language, language.write(shown)).first?.sets)
    }
    #expect(throws: InputError.self) {
      try evaluate(language, language.write(lines), TaskExamples(count: 2))
    }
  }

  @Test func theSeedChoosesTheExamples() throws {
    let language = try TinyLanguage(maximumLength: 256)
    let lines = (0..<40).map { #"{"context": "q\#($0)", "continuation": "a\#($0 * 37 % 11)"}"# }
    let path = try language.write(lines)
    let scores = try [1, 1, 2].map {
      try evaluate(language, path, TaskExamples(count: 3, seed: $0)).first?.sets.first?.perplexity?.value
    }
    #expect(scores[0] == scores[1] && scores[0] != scores[2])
  }

  @Test func aFolderCountsEverySetTheSame() throws {
    let language = try TinyLanguage()
    let good = #"{"sentence_good": "a", "sentence_bad": "aa"}"#
    let bad = #"{"sentence_good": "aa", "sentence_bad": "a"}"#
    _ = try language.write([good], to: "sets/data/one.jsonl")
    _ = try language.write([good, bad, bad, bad], to: "sets/data/more/two.jsonl")
    _ = try language.write(["no task"], to: "sets/data/notes.txt")
    let group = try #require(try evaluate(language, language.folder.path("sets/data")).first)
    #expect(group.name == "sets" && group.isFolder)
    #expect(group.sets.map(\.name) == ["two", "one"])
    #expect(group.accuracy.value == (1 + 0.25) / 2)
  }

  @Test func theWorkCanBeEnded() throws {
    let language = try TinyLanguage()
    let path = try language.write(Array(repeating: line("a", ["b", "c"], 0), count: 10))
    let evaluator = TaskEvaluator(language.model, tokenizer: language.tokenizer)
    let result = try evaluator.evaluate([TaskGroup(path: path)]) { _, share in share < 0.5 }
    #expect(result == nil)
  }

  /// A context that brings the token that starts a text gets no second one.
  @Test func theStartOfATextIsNotDoubled() throws {
    let lines = [false, true].map {
      #"{"context": "\#($0 ? "<|endoftext|>" : "")To be,", "continuation": "or not"}"#
    }
    let language = try TinyLanguage(hasTemplate: true)
    let results = try lines.map { try evaluate(language, language.write([$0])).first?.sets }
    #expect(results[0] == results[1])
  }

  @Test func tokensBeyondTheModelAreNamed() throws {
    let language = try TinyLanguage()
    let tokenizer = try Tokenizer(
      vocabulary: (0..<256).map { [UInt8($0)] } + [nil, Array("zz".utf8)],
      merges: [Merge(left: 122, right: 122, merged: 257)],
      addedTokens: [AddedToken(id: 256, content: "<|endoftext|>")])
    let path = try language.write([#"{"context": "a", "continuation": "zz", "delimiter": ""}"#])
    let evaluator = TaskEvaluator(language.model, tokenizer: tokenizer)
    let error = #expect(throws: InputError.self) { try evaluator.evaluate([TaskGroup(path: path)]) }
    #expect(error?.description.hasPrefix("\(path):1: the text has the token id 257") == true)
  }

  @Test func whatCannotBeAskedIsNamed() throws {
    let language = try TinyLanguage(maximumLength: 16)
    let long = try language.write([
      line("a", ["b", "c"], 0), "", line("a", [String(repeating: "b", count: 16), "c"], 0),
    ])
    let error = try #require(throws: InputError.self) { try evaluate(language, long) }
    #expect(
      error.description
        == "\(long):3: a continuation has 17 tokens, but the model reads only 16; leave this question out")
    let pairs = try language.write([#"{"sentence_good": "a", "sentence_bad": "b"}"#], to: "pairs.jsonl")
    #expect(throws: InputError.self) { try evaluate(language, pairs, TaskExamples(count: 1)) }
  }
}
