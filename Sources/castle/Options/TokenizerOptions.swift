import ArgumentParser
import CastleFormats
import CastleText
import Foundation

/// Which tokenizer a command uses.
struct TokenizerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A tokenizer.json, or a folder that holds one or GPT-2's vocab.json and merges.txt.", valueName: "file")
  )
  var tokenizer: String?

  @Option(help: ArgumentHelp("A model folder, whose tokenizer.json is used.", valueName: "folder"))
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

/// Where a command takes the bytes that it works on.
enum CommandInput {
  /// The bytes of a file, or of standard input when there is no file.
  static func bytes(ofFile path: String?) throws -> [UInt8] {
    guard let path else {
      guard let data = try FileHandle.standardInput.readToEnd() else { return [] }
      return [UInt8](data)
    }
    return try MappedFile(path: path).withBytes(Array.init)
  }
}
