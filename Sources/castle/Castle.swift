import ArgumentParser
import CastleSystem

/// The command line: each subcommand is a file under `Commands`.
@main
struct Castle: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "castle",
    abstract: "Train, run and measure language models with lookahead-key attention.",
    version: ProgramVersion.number,
    subcommands: [
      TokenizerCommand.self,
      PrepareCommand.self,
      TrainCommand.self,
      GenerateCommand.self,
      ServeCommand.self,
      EvaluateCommand.self,
      InspectCommand.self,
      CompareCommand.self,
      PresetsCommand.self,
      LogitsCommand.self,
      TokenizeCommand.self,
      DetokenizeCommand.self,
      AttentionCommand.self,
      BenchmarkCommand.self,
      ExperimentCommand.self,
    ])
}
