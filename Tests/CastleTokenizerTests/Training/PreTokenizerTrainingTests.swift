import CastleFormats
import CastleTokenizer
import Foundation
import Testing

struct PreTokenizerTrainingTests {
  struct Training: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let merges: [String]

    var testDescription: String { name }
  }

  private static let trainings: [Training] =
    (try? JSONDecoder().decode([Training].self, from: Data(Golden.bytes("trainings.json")))) ?? []

  private func learn(_ kind: PreTokenizerKind, _ text: [UInt8]) throws -> Tokenizer {
    var trainer = TokenizerTrainer()
    trainer.vocabularySize = 500
    trainer.preTokenizer = kind
    let table = PreTokenTable(try trainer.base())
    text.withUnsafeBufferPointer { table.add(preTokensOf: $0) }
    return try trainer.learn(from: table)
  }

  private func json(_ tokenizer: Tokenizer) throws -> [String: Any] {
    let file = try JSONSerialization.jsonObject(with: Data(TokenizerFile.json(tokenizer)))
    return try #require(file as? [String: Any])
  }

  @Test(arguments: trainings) func mergesAreThoseOfPython(_ training: Training) throws {
    let kind = try #require(PreTokenizerKind(rawValue: training.name))
    let more = String(repeating: "I'LL 12345 67 12345 'tis12 don'T DON'T aB aB\n\n", count: 3)
    let tokenizer = try learn(kind, try Golden.bytes("training.txt") + Array(more.utf8))
    let model = try #require(try json(tokenizer)["model"] as? [String: Any])
    #expect(model["merges"] as? [String] == training.merges)
  }

  @Test func everyKindButGPT2sHasATraining() {
    #expect(Set(Self.trainings.map(\.name) + ["gpt2"]) == Set(PreTokenizerKind.allCases.map(\.rawValue)))
  }

  @Test(arguments: PreTokenizerKind.allCases) func thePreTokenizerIsWritten(_ kind: PreTokenizerKind) throws {
    let tokenizer = try learn(kind, try Golden.bytes("training.txt"))
    let written = TokenizerFile.json(tokenizer)
    let again = try written.withUnsafeBufferPointer { try TokenizerFile.parse($0, name: "written") }
    #expect(TokenizerFile.json(again) == written)
    for example in Golden.cases { #expect(again.encode(example.bytes) == tokenizer.encode(example.bytes)) }
    let preTokenizer = try #require(try json(tokenizer)["pre_tokenizer"] as? [String: Any])
    #expect(preTokenizer["type"] as? String == (kind == .gpt2 ? "ByteLevel" : "Sequence"))
  }
}
