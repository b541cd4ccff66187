import ArgumentParser
import CastleFormats
import CastleReports

/// `castle compare`: the losses of several runs.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare training runs: a table, and a page with their loss curves.",
    discussion: """
      Differences are against the first run. The page is one file that needs no network.

      EXAMPLES
        castle compare runs/causal runs/castle --output comparison.html
        castle compare runs/* --json
      """)

  @Argument(help: ArgumentHelp("The folders of the runs.", valueName: "run"))
  var runs: [String]

  @Option(name: .shortAndLong, help: ArgumentHelp("Write a page with the curves.", valueName: "page.html"))
  var output: String?

  @Flag(help: "Print the table as one JSON object.")
  var json = false

  func run() throws {
    let comparison = RunComparison(runs: try runs.map { try RunHistory(folder: $0) })
    if let output {
      try AtomicFile.write(comparison.html.utf8, path: output)
    }
    print(json ? comparison.json.text : comparison.table)
  }
}
