import ArgumentParser
import CastleConsole
import CastleFormats
import CastleTokenizer
import Foundation

/// `castle detokenize`: token ids to text.
struct DetokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detokenize",
    abstract: "Turn token ids into text.",
    discussion: """
      The ids are the arguments, a file, or standard input: numbers separated by spaces, commas or line \
      ends, or the output of `castle tokenize --json`. The bytes of the text go to standard output as they \
      are, with nothing added.

      EXAMPLES
        castle detokenize --tokenizer tokenizer.json 464 2068 7586
        castle tokenize --tokenizer gpt2 --json < play.txt |
          castle detokenize --tokenizer gpt2
      """)

  @OptionGroup var source: TokenizerOptions

  @Argument(help: "The token ids.")
  var ids: [String] = []

  @Option(help: ArgumentHelp("A file with the ids.", valueName: "ids"), transform: FilePath.expanded)
  var file: String?

  @Flag(help: "Leave special tokens out instead of writing their names.")
  var skipSpecialTokens = false

  @Flag(
    help: "Print one JSON object with count, bytes and text, in which U+FFFD stands for what is not UTF-8.")
  var json = false

  func validate() throws {
    guard ids.isEmpty || file == nil else {
      throw ValidationError("give either ids or --file, not both")
    }
  }

  func run() throws {
    let tokenizer = try source.read()
    let text =
      ids.isEmpty
      ? String(decoding: try CommandInput.bytes(ofFile: file), as: UTF8.self) : ids.joined(separator: " ")
    let tokens = try Self.parse(text)
    let bytes = try tokenizer.decode(tokens, skippingSpecialTokens: skipSpecialTokens)
    guard json else {
      return try StandardOutput.write(bytes)
    }
    let result = Result(count: tokens.count, bytes: bytes.count, text: String(decoding: bytes, as: UTF8.self))
    try StandardOutput.write(try JSONOutput.line(result) + "\n")
  }

  private struct Result: Encodable {
    let count: Int
    let bytes: Int
    let text: String
  }

  /// What `castle tokenize --json` prints.
  private struct Tokenized: Decodable {
    let ids: [Int32]
  }

  private static func parse(_ text: String) throws -> [Int32] {
    if text.first(where: { !$0.isWhitespace }) == "{" {
      guard let tokenized = try? JSONDecoder().decode(Tokenized.self, from: Data(text.utf8)) else {
        throw InputError("the input is a JSON object without a list of token ids named \"ids\"")
      }
      return tokenized.ids
    }
    return try text.split { " ,[]\n\r\n\t".contains($0) }.map { word in
      guard let id = Int32(word) else {
        throw InputError("\"\(word)\" is not a token id; ids are whole numbers from 0 on")
      }
      return id
    }
  }
}
