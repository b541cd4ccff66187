import ArgumentParser
import CastleFormats
import Foundation

/// The command line: each subcommand is a file under `Commands`.
@main
struct Castle: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "castle",
    abstract: "Train, run and measure language models with lookahead-key attention.",
    version: "0.1.0",
    subcommands: [
      PrepareCommand.self,
      TokenizeCommand.self,
      DetokenizeCommand.self,
      TrainCommand.self,
      EvaluateCommand.self,
      CompareCommand.self,
      ExperimentCommand.self,
      PresetsCommand.self,
      LogitsCommand.self,
      AttentionCommand.self,
      BenchmarkCommand.self,
    ])

  /// Runs the command that the arguments name. What the user can mend is one line on standard error.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let error as InputError {
      fail("\(error)", ExitCode.failure)
    } catch {
      let code = exitCode(for: error)
      guard code != .success else { exit(withError: error) }
      fail(message(for: error), code)
    }
  }

  private static func fail(_ message: String, _ code: ExitCode) -> Never {
    let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    FileHandle.standardError.write(Data("error: \(line)\n".utf8))
    exit(withError: code)
  }
}
