import ArgumentParser
import CastleConsole
import CastleFormats
import CastleModel

/// `castle logits`: what a model says after each of some tokens.
struct LogitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logits",
    abstract: "Write the logits of a model for given token ids.",
    discussion: """
      The output is a safetensors file with one tensor, logits: float32, one row for each token and one \
      column for each id of the vocabulary.

      EXAMPLES
        castle logits --model runs/first/model --tokens 5,17,3 \\
          --output logits.safetensors
        castle logits --model runs/first/model --tokens 5,17,3 \\
          --output logits.safetensors --cached --chunk 1
      """)

  @Option(help: ArgumentHelp("The model folder.", valueName: "folder"), transform: FilePath.expanded)
  var model: String

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Token ids, separated by commas.", valueName: "ids"))
  var tokens: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"),
    transform: FilePath.expanded)
  var output: String

  @Flag(help: "Go through the decoding cache instead of one pass over all tokens.")
  var cached = false

  @Option(parsing: .unconditional, help: "With --cached: how many tokens to append at a time.")
  var chunk: Int?

  @OptionGroup var backend: BackendOptions

  func validate() throws {
    try OptionRange.check("--chunk", chunk, 1...)
    guard chunk == nil || cached else { throw ValidationError("--chunk goes with --cached") }
  }

  func run() throws {
    // What is quickly checked comes before the weights are read.
    let ids = try Self.parse(tokens)
    let configuration = try ModelConfiguration(folder: model)
    try configuration.check(length: ids.count)
    try configuration.check(tokens: ids)
    let shape = [ids.count, configuration.vocabularySize]
    let writer = try SafetensorsWriter(
      path: output, tensors: [.init(name: "logits", type: .f32, shape: shape)])
    let model = try LanguageModel(
      folder: model, configuration: configuration, backend: try backend.makeBackend(),
      note: StandardError.note)
    try writer.write(cached ? try cachedLogits(model, ids) : try model.logits(ids))
    try writer.finish()
  }

  private func cachedLogits(_ model: LanguageModel, _ ids: [Int32]) throws -> [Float] {
    let engine = InferenceEngine(model)
    let sequence = try engine.makeSequence(capacity: ids.count)
    let size = chunk ?? ids.count
    return try stride(from: 0, to: ids.count, by: size).flatMap { start in
      try engine.advance(sequence, by: Array(ids[start..<min(start + size, ids.count)]), logits: .all)
    }
  }

  private static func parse(_ text: String) throws -> [Int32] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let id = Int32(part.filter { $0 != " " }) else {
        throw InputError("--tokens holds \"\(part)\"; give ids separated by commas, such as 5,17,3")
      }
      return id
    }
  }
}
