import CastleCluster
import CastleEvaluation
import CastleFormats
import CastleModel
import Foundation
import Testing

/// Evaluations whose work several ranks share, here threads of one process.
@Suite struct RanksTests {
  /// What `body` finds on a model of every rank's own, with `ranks` ranks.
  private func results<Result: Sendable>(
    ranks: Int, _ body: @escaping @Sendable (TinyLanguage, any Communicator) throws -> Result?
  ) throws -> [Result?] {
    try ThreadCommunicator.run(ranks: ranks) { try body(TinyLanguage(), $0) }
  }

  private func isNear(_ a: Double?, _ b: Double?) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    return abs(a - b) <= 1e-6 * max(abs(b), 1)
  }

  /// 23 sequences of 16 tokens, which no number of ranks but 1 divides.
  @Test(arguments: 1...4) func ranksMeasureTheLossOfOneProcess(ranks: Int) throws {
    let text = (0..<360).map { Int32($0 * 37 % 251) }
    let losses = try results(ranks: ranks) { language, communicator in
      try Evaluator(language.model, batch: 3, length: 16, separator: nil, communicator: communicator)
        .evaluate(EvaluationText(name: "text", tokens: text, tokenizer: language.tokenizer))
    }
    let language = try TinyLanguage()
    let alone = try Evaluator(language.model, batch: 3, length: 16, separator: nil)
      .evaluate(EvaluationText(name: "text", tokens: text, tokenizer: language.tokenizer))
    if ranks == 1 { #expect(losses[0] == alone) }
    for loss in losses {
      #expect(loss == losses[0] && loss?.tokens == 359)
      #expect(isNear(loss?.loss, alone?.loss) && isNear(loss?.bitsPerByte, alone?.bitsPerByte))
    }
  }

  /// Two sets of 11 and 2 questions with examples: with 4 ranks, some have no question of the second.
  @Test(arguments: 1...4) func ranksAnswerTheQuestionsThatOneProcessDoes(ranks: Int) throws {
    let files = try TinyLanguage()
    let choices = try files.write(
      (0..<11).map { index in
        JSONValue.object([
          "context": .string(String(repeating: "What is it? ", count: index)),
          "choices": .list(["it", "that", "which it was"].map { .string($0) }), "answer": .integer(index % 3),
        ]).text
      }, to: "choices.jsonl")
    let cloze = try files.write(
      [
        #"{"context": "To be or not to", "continuation": "be"}"#, #"{"context": "To", "continuation": "be"}"#,
      ],
      to: "cloze.jsonl")
    let found = try results(ranks: ranks) { language, communicator in
      try TaskEvaluator(language.model, tokenizer: language.tokenizer, communicator: communicator)
        .evaluate([TaskGroup(path: choices), TaskGroup(path: cloze)], examples: TaskExamples(count: 1))
    }
    let alone = try TaskEvaluator(files.model, tokenizer: files.tokenizer)
      .evaluate([TaskGroup(path: choices), TaskGroup(path: cloze)], examples: TaskExamples(count: 1))
    let sets = try #require(alone).flatMap(\.sets)
    #expect(sets[0].cutItems > 0)
    for groups in found {
      let own = try #require(groups).flatMap(\.sets)
      #expect(own.map(\.accuracy) == sets.map(\.accuracy) && own.map(\.cutItems) == sets.map(\.cutItems))
      #expect(own[0].normalizedAccuracy == sets[0].normalizedAccuracy)
      #expect(isNear(own[1].perplexity?.value, sets[1].perplexity?.value))
    }
  }

  @Test(arguments: 1...4) func ranksDrawTheRandomTextOfOneProcess(ranks: Int) throws {
    let found = try results(ranks: ranks) { language, communicator in
      try RepeatedTextProbe(language.model, tokenizer: language.tokenizer, communicator: communicator)
        .evaluate(length: 20, sequences: 7, seed: 3)
    }
    let language = try TinyLanguage()
    let alone = try RepeatedTextProbe(language.model, tokenizer: language.tokenizer)
      .evaluate(length: 20, sequences: 7, seed: 3)
    for result in found {
      #expect(result?.sequences == 7 && isNear(result?.firstHalf.value, alone?.firstHalf.value))
      #expect(isNear(result?.secondHalf.standardError, alone?.secondHalf.standardError))
    }
  }

  @Test func whenOneIsAskedToEndAllEndWithoutAResult() throws {
    let text = (0..<200).map { Int32($0 % 250) }
    let found = try results(ranks: 3) { language, communicator in
      try Evaluator(language.model, batch: 1, length: 16, separator: nil, communicator: communicator)
        .evaluate(EvaluationText(name: "text", tokens: text, tokenizer: nil)) { share in
          communicator.world.rank != 1 || share == 0
        }
    }
    #expect(found == [nil, nil, nil])
  }
}
