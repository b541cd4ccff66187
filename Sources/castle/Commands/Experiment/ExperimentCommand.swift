import ArgumentParser

/// `castle experiment`: runs that differ in known ways, and what they say.
struct ExperimentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "experiment",
    abstract: "Train many runs that differ in known ways, and report what they say.",
    discussion: """
      An experiment is a YAML file: base settings, axes (mechanism, seed, learning rate, any setting), texts \
      to score and what to compare with what. Experiments/README.md describes it.

      EXAMPLES
        castle experiment plan Experiments/quick.yaml --data text=data/books
        castle experiment run Experiments/quick.yaml --data text=data/books
        castle experiment report Experiments/quick.yaml --data text=data/books
      """,
    subcommands: [
      ExperimentPlanCommand.self, ExperimentRunCommand.self, ExperimentStatusCommand.self,
      ExperimentReportCommand.self,
      ExperimentCollectCommand.self, LookaheadRecallCommand.self,
    ])
}
