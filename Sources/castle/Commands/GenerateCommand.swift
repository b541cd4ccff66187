import ArgumentParser
import CastleConsole
import CastleFormats
import CastleGeneration
import CastleModel
import CastleSystem
import CastleTokenizer

/// `castle generate`: text that goes on from a prompt.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Write text with a model.",
    discussion: """
      The text appears on standard output as it is generated, without the prompt; the speed is reported on \
      standard error. Without a prompt the model starts a new document. The prompt gets the special tokens \
      that tokenizer.json says, such as <|endoftext|> before it; --no-special-tokens continues a text in its \
      middle. Ctrl-C ends at the next token.

      EXAMPLES
        castle generate --model runs/first/model --prompt "To be, or not"
        castle generate --model runs/first/model --prompt-file - < start.txt
        castle generate --model runs/first/model --prompt "Enter" --stop $'\\n\\n'
        castle generate --model runs/first/model --temperature 0 --max-tokens 50
        castle generate --model runs/first/model --weights int8 --prompt "Enter"
        castle generate --model runs/first/model --no-special-tokens \\
          --prompt "and then she"
      """)

  @Option(
    help: ArgumentHelp("A model folder with a tokenizer.json.", valueName: "folder"),
    transform: FilePath.expanded)
  var model: String

  @Option(parsing: .unconditional, help: ArgumentHelp("The text to go on from.", valueName: "text"))
  var prompt: String?

  @Option(
    help: ArgumentHelp("A file with the text to go on from; - is standard input.", valueName: "file"),
    transform: FilePath.expanded)
  var promptFile: String?

  @Flag(help: "Add no special tokens to the prompt: it stands in the middle of a text.")
  var noSpecialTokens = false

  @Option(parsing: .unconditional, help: ArgumentHelp("The most tokens to generate.", valueName: "count"))
  var maxTokens = 256

  @OptionGroup var sampling: SamplingArguments

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("End before this text. Can be repeated.", valueName: "text"))
  var stop: [String] = []

  @Flag(help: "Print one JSON object at the end instead of the text as it comes.")
  var json = false

  @OptionGroup var weightOptions: WeightOptions

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    guard prompt == nil || promptFile == nil else {
      throw ValidationError("give either --prompt or --prompt-file, not both")
    }
    try OptionRange.check("--max-tokens", maxTokens, 0...)
    guard !stop.contains("") else { throw ValidationError("--stop is empty, it must be a text") }
  }

  func run() throws {
    // What is quickly checked comes before the weights are read.
    let options = try sampling.options()
    let configuration = try ModelConfiguration(folder: model)
    let tokenizer = try TokenizerFile.read(path: model)
    var request = TextRequest(
      .text(try CommandInput.prompt(prompt, file: promptFile)), sampling: options, maximumTokens: maxTokens,
      stops: stop)
    request.addsSpecialTokens = !noSpecialTokens
    _ = try request.encoded(for: configuration, tokenizer)
    let languageModel = try LanguageModel(
      folder: model, configuration: configuration, weights: weightOptions.weights,
      backend: backendOptions.makeBackend(), note: StandardError.note)
    Interruption.listen()
    let generator = try TextGenerator(request, model: languageModel, tokenizer: tokenizer) {
      Interruption.isRequested
    }
    if json {
      let text = try generator.remainingText()
      try StandardOutput.write(Self.json(generator, text: text).text + "\n")
    } else {
      while let piece = try generator.next() {
        if !piece.text.isEmpty { try StandardOutput.write(piece.text) }
      }
      try StandardOutput.write("\n")
      StandardError.write(Self.summary(generator) + "\n")
    }
  }

  private static func json(_ generator: TextGenerator, text: String) -> JSONValue {
    let statistics = generator.statistics
    return .object([
      "text": .string(text), "finish_reason": .string(generator.finishReason?.rawValue ?? ""),
      "prompt_tokens": .integer(generator.request.prompt.count),
      "generated_tokens": .integer(statistics.generatedTokens),
      "prompt_tokens_per_second": .number(statistics.promptTokensPerSecond),
      "decode_tokens_per_second": .number(statistics.decodeTokensPerSecond),
    ])
  }

  private static func summary(_ generator: TextGenerator) -> String {
    let statistics = generator.statistics
    let longest = generator.request.prompt.count + statistics.generatedTokens
    let note =
      switch generator.finishReason {
      case .contextFull: "; the model reads no more than these \(longest) tokens"
      case .cancelled: "; interrupted"
      default: ""
      }
    let rates = [statistics.promptTokensPerSecond, statistics.decodeTokensPerSecond].map {
      NumberFormat.fixed($0, 0)
    }
    return "prompt \(NumberFormat.count(statistics.promptTokens, "token")), \(rates[0]) tokens/s; "
      + "generated \(NumberFormat.count(statistics.generatedTokens, "token")), \(rates[1]) tokens/s\(note)"
  }
}
