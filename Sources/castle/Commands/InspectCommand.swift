import ArgumentParser
import CastleConsole
import CastleFormats
import CastleInspection
import CastleModel
import CastleTokenizer

/// `castle inspect`: what attention does while a model reads a text.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what attention does while a model reads a text.",
    discussion: """
      Writes one HTML page that needs no other file and no network: the maps of attention, causal score and \
      lookahead term for each layer and head, and how the key of a token moves as later tokens are read. \
      With --json and without --output the same numbers go to standard output.

      EXAMPLES
        castle inspect --model runs/first/model --output look.html \\
          --prompt "To be, or not to be, that is the question"
        castle inspect --model runs/first/model --output look.html \\
          --prompt-file passage.txt --layer 1 --head 0
        castle inspect --model runs/first/model --prompt "To be" --json
      """)

  @Option(
    help: ArgumentHelp("A model folder with a tokenizer.json.", valueName: "folder"),
    transform: FilePath.expanded)
  var model: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The page to write.", valueName: "file"),
    transform: FilePath.expanded)
  var output: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("The text to read.", valueName: "text"))
  var prompt: String?

  @Option(
    help: ArgumentHelp("A file with the text to read; - is standard input.", valueName: "file"),
    transform: FilePath.expanded)
  var promptFile: String?

  @Flag(help: "Add no special tokens to the text: it stands in the middle of a document.")
  var noSpecialTokens = false

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The only layer, from 0 (default: all).", valueName: "number")
  )
  var layer: Int?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The only head, from 0 (default: all).", valueName: "number"))
  var head: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The most tokens; the work grows with their third power.", valueName: "count"))
  var maxTokens = AttentionTrace.Limits().tokens

  @Flag(help: "Print one JSON object: the trace, or with --output what the page holds.")
  var json = false

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    guard (prompt == nil) != (promptFile == nil) else {
      throw ValidationError("give either --prompt TEXT or --prompt-file FILE")
    }
    guard output != nil || json else {
      throw ValidationError("give --output FILE, or --json for the numbers")
    }
    guard maxTokens >= 1 else {
      throw ValidationError("--max-tokens \(maxTokens) is not possible; choose 1 or more.")
    }
  }

  func run() throws {
    // What is quickly checked comes before the weights are read.
    let configuration = try ModelConfiguration(folder: model)
    let tokenizer = try TokenizerFile.read(path: model)
    let tokens = try AttentionTrace.tokens(
      of: try CommandInput.prompt(prompt, file: promptFile), tokenizer, addsSpecialTokens: !noSpecialTokens)
    let heads = AttentionTrace.Heads(layer: layer, head: head)
    let limits = AttentionTrace.Limits(tokens: maxTokens)
    try AttentionTrace.Plan(configuration, tokens: tokens, heads: heads, limits: limits).checkMemory()
    let file = try output.map(AtomicFile.init)
    let languageModel = try LanguageModel(
      folder: model, configuration: configuration, backend: backendOptions.makeBackend())
    let trace = try AttentionTrace(
      of: tokens, model: languageModel, tokenizer: tokenizer, name: modelName, heads: heads, limits: limits)
    guard let file else { return try StandardOutput.write(trace.json + "\n") }
    try file.write(InspectionPage.html(for: trace).utf8)
    try file.commit()
    try report(trace, file)
  }

  /// The last folders of the path that tell models of several runs apart.
  private var modelName: String {
    let parts = model.split(separator: "/").filter { $0 != "." }
    return (parts.last == "model" ? parts.dropLast().last : nil).map(String.init)
      ?? parts.last.map(String.init) ?? model
  }

  private func report(_ trace: AttentionTrace, _ file: AtomicFile) throws {
    let deviation = trace.heads.map(\.deviation).max() ?? 0
    if json {
      let object: JSONValue.Members = [
        "output": .string(file.path),
        "bytes": .integer(file.byteCount),
        "tokens": .integer(trace.tokens.count),
        "heads": .integer(trace.heads.count),
        "output_deviation": .number(deviation),
      ]
      return try StandardOutput.write(object.text + "\n")
    }
    let counts = [
      NumberFormat.count(trace.tokens.count, "token"), NumberFormat.count(trace.heads.count, "head"),
      NumberFormat.bytes(file.byteCount),
    ]
    StandardError.write(
      "\(file.path): \(counts.joined(separator: ", ")); outputs of the maps and of the layers differ by at "
        + "most \(NumberFormat.scientific(deviation))\n")
  }
}
