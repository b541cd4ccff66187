import ArgumentParser
import CastleFormats
import CastleTokenizer

/// Which tokenizer a command uses.
struct TokenizerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A tokenizer.json, or a folder that holds one or GPT-2's vocab.json and merges.txt.",
      valueName: "file"),
    transform: FilePath.expanded)
  var tokenizer: String?

  @Option(
    help: ArgumentHelp("A model folder, whose tokenizer.json is used.", valueName: "folder"),
    transform: FilePath.expanded)
  var model: String?

  func validate() throws {
    guard (tokenizer == nil) != (model == nil) else {
      throw ValidationError("give either --tokenizer FILE or --model FOLDER")
    }
  }

  /// The path that was given.
  var path: String { tokenizer ?? model ?? "" }

  /// Reads the tokenizer.
  func read() throws -> Tokenizer {
    try TokenizerFile.read(path: path)
  }
}
