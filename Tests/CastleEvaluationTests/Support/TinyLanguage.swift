import CastleFormats
import CastleMeasurement
import CastleModel
import CastleOperations
import CastleTokenizer
import Foundation

/// A random model of bytes and `<|endoftext|>`, and files of questions to it.
struct TinyLanguage {
  let folder: TemporaryFolder
  let tokenizer: Tokenizer
  let model: LanguageModel

  static let start: Int32 = 256

  /// With `hasTemplate`, the tokenizer puts `<|endoftext|>` before every text.
  init(maximumLength: Int = 64, hasTemplate: Bool = false) throws {
    folder = try TemporaryFolder()
    tokenizer = try Tokenizer(
      vocabulary: (0..<256).map { [UInt8($0)] } + [nil], merges: [],
      addedTokens: [AddedToken(id: Self.start, content: "<|endoftext|>")],
      template: TextTemplate(before: hasTemplate ? [Self.start] : []))
    var configuration = try ModelPreset("1m-castle").configuration
    configuration.vocabularySize = 257
    configuration.maximumLength = maximumLength
    model = try LanguageModel(configuration, backend: CPUBackend(threads: 1), seed: 7)
  }

  /// Writes a file of lines.
  func write(_ lines: [String], to name: String = "task.jsonl") throws -> String {
    try folder.write(lines.map { $0 + "\n" }.joined(), to: name)
  }

  /// log p of `text` after `context`, byte by byte from the logits; an empty context is the start of a text.
  func logProbability(of text: String, after context: String) throws -> Double {
    let start = context.isEmpty ? [Self.start] : tokenizer.template.before
    let before = start + context.utf8.map { Int32($0) }
    let after = text.utf8.map { Int32($0) }
    let tokens = Array((before + after).dropLast().suffix(model.configuration.maximumLength))
    let logits = try model.logits(tokens).map(Double.init)
    return after.enumerated().reduce(0) { sum, next in
      let row = logits[
        (tokens.count - after.count + next.offset) * 257..<(tokens.count - after.count + next.offset + 1)
          * 257]
      return sum + row[row.startIndex + Int(next.element)] - log(row.reduce(0) { $0 + exp($1) })
    }
  }
}
