import ArgumentParser
import CastleCorpus
import CastleFormats

/// Which text a command reads.
struct CorpusOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Files and folders of text; - is standard input.", valueName: "text"))
  var paths: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file that lists files and folders, one a line or with a zero byte after each; - is standard input.",
      valueName: "file"))
  var filesFrom: [String] = []

  @Option(
    help:
      "Take every file as text or as JSON lines, whatever its name; in folders, take the files of every name."
  )
  var format: Format?

  @Option(help: ArgumentHelp("The key of a JSON line that holds the text.", valueName: "name"))
  var textKey = "text"

  @Option(help: .hidden)
  var textField: String?

  /// How files hold documents.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, jsonl
  }

  func validate() throws {
    guard textField == nil else { throw ValidationError("--text-field is called --text-key now") }
    guard !paths.isEmpty || !filesFrom.isEmpty else {
      throw ValidationError("give at least one file or folder of text, or - for standard input")
    }
  }

  /// What is to be read.
  var input: CorpusInput {
    var input = CorpusInput(paths)
    input.lists = filesFrom
    input.format = format.map { $0 == .text ? .text : .jsonLines }
    input.textKey = textKey
    return input
  }
}
