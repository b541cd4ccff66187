import ArgumentParser
import CastleCorpus
import CastleFormats
import Foundation

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

  /// How documents lie in files.
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
    var input = CorpusInput(ArgumentPaths.resolved(paths))
    input.lists = ArgumentPaths.resolved(filesFrom)
    input.format = format.map { $0 == .text ? .text : .jsonLines }
    input.textKey = textKey
    return input
  }
}

/// The paths among the arguments of the process.
enum ArgumentPaths {
  /// The paths as the system gave them: in `paths`, U+FFFD stands for bytes that are not UTF-8.
  ///
  /// The arguments are looked through in their order, so that paths which only differ in such bytes are told
  /// apart.
  static func resolved(_ paths: [String]) -> [String] {
    guard paths.contains(where: { $0.unicodeScalars.contains("\u{FFFD}") }) else { return paths }
    var arguments = (0..<Int(CommandLine.argc)).compactMap { CommandLine.unsafeArgv[$0] }
      .map { [UInt8](UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    return paths.map { path in
      for (index, argument) in arguments.enumerated() {
        // The path is an argument of its own, or comes after the name of an option and an equals sign.
        let value =
          argument.starts(with: "--".utf8)
          ? argument.drop { $0 != UInt8(ascii: "=") }.dropFirst() : argument[...]
        for candidate in [argument[...], value] where String(decoding: candidate, as: UTF8.self) == path {
          arguments.remove(at: index)
          return FilePath.text(Array(candidate))
        }
      }
      return path
    }
  }
}
