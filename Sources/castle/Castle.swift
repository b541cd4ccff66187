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
    subcommands: [
      PrepareCommand.self,
      TokenizeCommand.self,
      DetokenizeCommand.self,
      TrainCommand.self,
      EvaluateCommand.self,
      CompareCommand.self,
      ExperimentCommand.self,
      AttentionCommand.self,
    ])
}
