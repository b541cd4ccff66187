import ArgumentParser
import CastleConsole
import CastleEvaluation
import CastleFormats
import CastleModel
import CastleTokenizer
import Foundation

/// `castle evaluate`: how well a model predicts a text.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well a model predicts a text: loss, perplexity, bits per byte.",
    discussion: """
      The text is a folder made by castle prepare (its validation part is read), a token shard, or a text file, which is \
      encoded with the model's tokenizer as one document. Every token but the first is predicted once.

      EXAMPLES
        castle evaluate --model runs/first/model --data data/books
        castle evaluate --model runs/first/best --data play.txt --json
      """)

  @Option(help: ArgumentHelp("A model folder.", valueName: "folder"))
  var model: String

  @Option(
    help: ArgumentHelp("A folder made by castle prepare, a token shard, or a text file.", valueName: "path"))
  var data: String

  @Option(
    parsing: .unconditional,
    help: "Tokens of a window; by default as in the model's training, or what it can read if that is unknown."
  )
  var length: Int?

  @Option(
    name: [.customLong("batch-size"), .customLong("batch")], parsing: .unconditional,
    help: "Windows computed at a time.")
  var batchSize = 1

  @Option(parsing: .unconditional, help: "Tokens taken from the text; 0: all.")
  var tokens = 0

  @Flag(help: "Let attention see the document before in the same window.")
  var joinDocuments = false

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    for (name, value, range) in [
      ("--batch-size", batchSize, 1...65_536), ("--length", length ?? 1, 1...1_048_576),
    ] {
      guard range.contains(value) else {
        throw ValidationError(
          "\(name) is \(value), it must be from \(range.lowerBound) to \(range.upperBound)")
      }
    }
    guard tokens >= 0 else { throw ValidationError("--tokens is \(tokens), it must not be negative") }
  }

  func run() throws {
    // What is quickly checked comes before the weights are read.
    let configuration = try ModelConfiguration(folder: model)
    let tokenizer = try TokenizerFile.read(ifPresentIn: model)
    let text = try EvaluationText(path: data, tokenizer: tokenizer, limit: tokens)
    let model = try LanguageModel(
      folder: model, configuration: configuration, backend: backendOptions.makeBackend())
    let evaluator = try Evaluator(
      model, batch: batchSize, length: windowLength(model, text: text),
      separator: joinDocuments ? nil : text.separator)
    let progress = ProgressLine()
    let start = ProcessInfo.processInfo.systemUptime
    let result = try evaluator.evaluate(text) { share in
      guard share > 0 else { return true }
      let passed = ProcessInfo.processInfo.systemUptime - start
      let rest = NumberFormat.duration(passed / share - passed)
      progress.update("evaluating  \(NumberFormat.fixed(share * 100, 0)) %  eta \(rest)")
      return true
    }
    progress.clear()
    guard let result else { return }
    print(json ? Self.json(result).text : Self.text(result))
  }

  private func windowLength(_ model: LanguageModel, text: EvaluationText) -> Int {
    let usual = model.configuration.trainingLength ?? model.configuration.maximumLength
    return min(length ?? usual, max(text.tokenCount - 1, 1))
  }

  /// A result as JSON.
  static func json(_ result: EvaluationResult) -> JSONObject {
    JSONObject([
      ("loss", .number(result.loss)), ("perplexity", .number(result.perplexity)),
      ("bits_per_byte", result.bitsPerByte.map { .number($0) } ?? .null), ("tokens", .integer(result.tokens)),
    ])
  }

  private static func text(_ result: EvaluationResult) -> String {
    let bits = result.bitsPerByte.map { "\nbits per byte  \(NumberFormat.fixed($0, 4))" } ?? ""
    return """
      tokens         \(NumberFormat.grouped(result.tokens))
      loss           \(NumberFormat.fixed(result.loss, 4))
      perplexity     \(NumberFormat.fixed(result.perplexity, 3))\(bits)
      """
  }
}
