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
      The text appears on standard output as it is generated, without the prompt; the speed is reported on standard \
      error. Without a prompt the model starts a new document. Ctrl-C ends at the next token.

      EXAMPLES
        castle generate --model runs/first/model --prompt "To be, or not"
        castle generate --model runs/first/model --prompt-file - < start.txt
        castle generate --model runs/first/model --prompt "Enter" --stop $'\\n\\n'
        castle generate --model runs/first/model --temperature 0 --max-tokens 50
      """)

  @Option(help: ArgumentHelp("A model folder with a tokenizer.json.", valueName: "folder"))
  var model: String

  @Option(parsing: .unconditional, help: ArgumentHelp("The text to go on from.", valueName: "text"))
  var prompt: String?

  @Option(help: ArgumentHelp("A file with the text to go on from; - is standard input.", valueName: "file"))
  var promptFile: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("The most tokens to generate.", valueName: "count"))
  var maxTokens = 256

  @OptionGroup var sampling: SamplingArguments

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("End before this text. Can be repeated.", valueName: "text"))
  var stop: [String] = []

  @Flag(help: "Print one JSON object at the end instead of the text as it comes.")
  var json = false

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    guard prompt == nil || promptFile == nil else {
      throw ValidationError("give either --prompt or --prompt-file, not both")
    }
    guard maxTokens >= 0 else {
      throw ValidationError("--max-tokens is \(maxTokens), it must not be negative")
    }
    guard !stop.contains("") else { throw ValidationError("--stop is empty, it must be a text") }
  }

  func run() throws {
    let options = try sampling.options()
    let text = try promptBytes()
    let languageModel = try LanguageModel(folder: model, backend: backendOptions.makeBackend())
    let tokenizer = try TokenizerFile.read(path: model)
    let vocabularySize = languageModel.configuration.vocabularySize
    guard tokenizer.vocabularySize <= vocabularySize else {
      throw InputError(
        "\(model): the tokenizer has \(tokenizer.vocabularySize) tokens, but the model only \(vocabularySize); "
          + "they belong to different models")
    }
    let request = try GenerationRequest(
      prompt: promptTokens(text, tokenizer, languageModel.configuration), sampling: options,
      maximumTokens: maxTokens, endTokens: Self.endTokens(tokenizer, languageModel.configuration))
    Interruption.listen()
    let generator = try Generator(request, model: languageModel) { Interruption.isRequested }
    var output = GeneratedText(stops: stop.map { Array($0.utf8) })
    try output.write(generator, tokenizer) { part in
      guard !json else { return }
      try StandardOutput.write(part)
    }
    try report(generator, output)
  }

  private func promptBytes() throws -> [UInt8] {
    if let promptFile { return try CommandInput.bytes(ofFile: promptFile == "-" ? nil : promptFile) }
    return Array((prompt ?? "").utf8)
  }

  private func promptTokens(
    _ text: [UInt8], _ tokenizer: Tokenizer, _ configuration: ModelConfiguration
  ) throws -> [Int32] {
    guard text.isEmpty else { return tokenizer.encode(text) }
    guard let start = configuration.beginOfTextID.map(Int32.init) ?? tokenizer.endOfText else {
      throw InputError("the prompt is empty and the model has no token that starts a text; give a --prompt")
    }
    return [start]
  }

  private static func endTokens(_ tokenizer: Tokenizer, _ configuration: ModelConfiguration) -> Set<Int32> {
    Set(configuration.endOfTextIDs.map(Int32.init) + [tokenizer.endOfText].compactMap { $0 })
  }

  private func report(_ generator: Generator, _ output: GeneratedText) throws {
    let statistics = generator.statistics
    let reason = output.isStopped ? FinishReason.stopSequence : generator.finishReason
    if json {
      try StandardOutput.write(
        JSONObject([
          ("text", .text(output.text)), ("finish_reason", .text(reason?.rawValue ?? "")),
          ("prompt_tokens", .integer(generator.request.prompt.count)),
          ("generated_tokens", .integer(statistics.generatedTokens)),
          ("prompt_tokens_per_second", .number(statistics.promptTokensPerSecond)),
          ("decode_tokens_per_second", .number(statistics.decodeTokensPerSecond)),
        ]).text + "\n")
      return
    }
    try StandardOutput.write("\n")
    let longest = generator.request.prompt.count + statistics.generatedTokens
    let note =
      switch reason {
      case .contextFull: "; the model reads no more than these \(longest) tokens"
      case .cancelled: "; interrupted"
      default: ""
      }
    let rates = [statistics.promptTokensPerSecond, statistics.decodeTokensPerSecond].map {
      NumberFormat.fixed($0, 0)
    }
    StandardError.write(
      "prompt \(NumberFormat.count(statistics.promptTokens, "token")), \(rates[0]) tokens/s; "
        + "generated \(NumberFormat.count(statistics.generatedTokens, "token")), \(rates[1]) tokens/s\(note)\n"
    )
  }
}
