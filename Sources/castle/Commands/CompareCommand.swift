import ArgumentParser
import CastleConsole
import CastleFormats
import CastleReports

/// `castle compare`: the losses of several runs.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare training runs: a table, and a page with their loss curves.",
    discussion: """
      Differences are against the first run. The page is one file that needs no network. Folders that hold \
      no run, or one that did not come to its first step, are named and left out.

      EXAMPLES
        castle compare runs/causal runs/castle --output comparison.html
        castle compare runs/* --json
      """)

  @Argument(help: ArgumentHelp("The folders of the runs.", valueName: "run"), transform: FilePath.expanded)
  var runs: [String]

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Write a page with the curves.", valueName: "page.html"),
    transform: FilePath.expanded)
  var output: String?

  @Flag(help: "Print the table as one JSON object.")
  var json = false

  func run() throws {
    var histories: [RunHistory] = []
    var leftOut: [RunComparison.LeftOut] = []
    for run in runs {
      do {
        histories.append(try RunHistory(folder: run))
      } catch let error as InputError {
        guard runs.count > 1 else { throw error }
        leftOut.append(.init(run: run, reason: error.description))
      }
    }
    guard !histories.isEmpty else {
      throw InputError("none of these is a run: " + leftOut.map(\.reason).joined(separator: "; "))
    }
    let comparison = RunComparison(runs: histories, leftOut: leftOut)
    for entry in leftOut { StandardError.write("left out: \(entry.reason)\n") }
    if let output {
      try AtomicFile.write(comparison.html.utf8, path: output)
    }
    print(json ? comparison.json.text : comparison.table)
  }
}
