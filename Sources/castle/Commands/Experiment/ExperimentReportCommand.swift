import ArgumentParser
import CastleExperiments
import CastleFormats
import CastleReports

/// `castle experiment report`: what an experiment says so far.
struct ExperimentReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write what an experiment says so far: a page, Markdown and JSON.",
    discussion: """
      Runs that are under way are in the pictures. The page is one file that needs no network. With --results, the report is \
      made from what castle experiment collect has copied, without the runs.

      EXAMPLES
        castle experiment report Experiments/quick.yaml --data text=data/books
        castle experiment report Experiments/quick.yaml \\
          --results Experiments/results/quick --into report
      """)

  @OptionGroup var options: ExperimentOptions

  @Option(
    help: ArgumentHelp("Read the results that collect has copied here, not the runs.", valueName: "folder"),
    transform: FilePath.expanded)
  var results: String?

  @Option(
    help: ArgumentHelp(
      "Where report.html, report.md and report.json go (default: report in the folder of the runs).",
      valueName: "folder"), transform: FilePath.expanded)
  var into: String?

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func run() throws {
    let summary: ExperimentSummary
    let target: String
    if let results {
      summary = try ExperimentSummary(Experiment(path: options.file), collectedIn: results)
      target = into ?? results
    } else {
      let folder = try options.folder()
      summary = try ExperimentSummary(folder)
      target = into ?? folder.path + "/report"
    }
    let report = try ExperimentReport(summary)
    try AtomicFile.write(report.page.html.utf8, path: target + "/report.html")
    try AtomicFile.write(report.page.markdown.utf8, path: target + "/report.md")
    try AtomicFile.write(report.json.line, path: target + "/report.json")
    print(json ? report.json.text : "\(target)/report.html, report.md, report.json")
  }
}
