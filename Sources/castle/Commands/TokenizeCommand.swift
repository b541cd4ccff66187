import ArgumentParser
import CastleConsole
import CastleCorpus
import CastleFormats
import CastleTokenizer

/// `castle tokenize`: text to token ids.
struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Turn text into token ids.",
    discussion: """
      The text is the argument, a file, or standard input. The ids go to standard output, separated by spaces.

      EXAMPLES
        castle tokenize --tokenizer tokenizer.json "To be, or not to be"
        castle tokenize --model runs/first/model --file play.txt --json
        castle tokenize --tokenizer gpt2 < play.txt |
          castle detokenize --tokenizer gpt2
      """)

  @OptionGroup var source: TokenizerOptions

  @Argument(help: "The text.")
  var text: String?

  @Option(help: ArgumentHelp("A file with the text.", valueName: "text"), transform: FilePath.expanded)
  var file: String?

  @Flag(help: "Take the names of special tokens, such as <|endoftext|>, as ordinary text.")
  var ordinary = false

  @Flag(help: "Add the special tokens that the tokenizer gives a text, as Python's transformers does.")
  var addSpecialTokens = false

  @Flag(help: "Keep bytes that are not UTF-8 instead of replacing them with U+FFFD.")
  var keepInvalidBytes = false

  @Flag(help: "Print one JSON object with count, bytes and ids.")
  var json = false

  func validate() throws {
    guard text == nil || file == nil else {
      throw ValidationError("give either a text or --file, not both")
    }
  }

  func run() throws {
    let tokenizer = try source.read()
    if !tokenizer.missingBytes.isEmpty {
      ProgressLine().note(
        "note: the tokenizer has no token for \(tokenizer.missingBytes.count) of the 256 bytes; "
          + "they are left out"
      )
    }
    // Bytes that are to be kept are kept as they are in the file.
    let bytes =
      try text.map(FilePath.bytes)
      ?? (keepInvalidBytes ? CommandInput.bytes(ofFile: file) : TextFile(path: file).bytes)
    if !keepInvalidBytes, let note = TextFile.note(bytes) { ProgressLine().note(note) }
    var ids = tokenizer.encode(
      bytes, specialTokens: ordinary ? .ordinary : .recognized,
      invalidBytes: keepInvalidBytes ? .kept : .replaced)
    if addSpecialTokens { ids = tokenizer.template.apply(to: ids) }
    let list = ids.map(String.init).joined(separator: json ? "," : " ")
    let line = json ? #"{"bytes":\#(bytes.count),"count":\#(ids.count),"ids":[\#(list)]}"# : list
    try StandardOutput.write(line + "\n")
  }
}
