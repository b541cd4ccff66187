import ArgumentParser
import CastleExperiments
import CastleFormats
import CastleReports

/// `castle experiment report`: what an experiment says so far.
struct ExperimentReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write what an experiment says so far: a page, a picture, Markdown and JSON.",
    discussion: """
      Runs that are under way are in the pictures. The page is one file that needs no network; its first \
      picture, the loss against tokens, is also a file of its own. With --results, the report is made from \
      what castle experiment collect has copied, without the runs.

      Several experiments, such as one comparison at several sizes, make one page: loss against parameters, \
      and all differences. --output and --results then name the folder that has a folder of each \
      experiment's name.

      EXAMPLES
        castle experiment report Experiments/quick.yaml --data text=data/books
        castle experiment report Experiments/quick.yaml \\
          --results Experiments/results/quick --into report
        castle experiment report Experiments/equal-parameters-1m.yaml \\
          Experiments/equal-parameters-3m.yaml \\
          --results Experiments/results --into report
      """)

  @OptionGroup var options: ExperimentOptions

  @Argument(help: ArgumentHelp("Further experiments for the same page.", valueName: "further-files"))
  var further: [String] = []

  @Option(
    help: ArgumentHelp("Read the results that collect has copied here, not the runs.", valueName: "folder"),
    transform: FilePath.expanded)
  var results: String?

  @Option(
    help: ArgumentHelp(
      "Where report.html, .svg, .md and .json go (default: report in the folder of the runs).",
      valueName: "folder"), transform: FilePath.expanded)
  var into: String?

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func validate() throws {
    guard further.isEmpty || into != nil else {
      throw ValidationError("a report of several experiments needs --into: say where it goes")
    }
  }

  func run() throws {
    guard further.isEmpty else { return try reportSeries() }
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
    try write(report.page, report.json, into: target)
  }

  private func reportSeries() throws {
    let summaries = try ([options.file] + further).map { file in
      let experiment = try Experiment(path: file)
      return try results.map { try ExperimentSummary(experiment, collectedIn: "\($0)/\(experiment.name)") }
        ?? ExperimentSummary(options.folder(of: experiment))
    }
    let report = try SeriesReport(summaries)
    try write(report.page, report.json, into: into ?? "")
  }

  private func write(_ page: ReportPage, _ object: JSONValue, into target: String) throws {
    try AtomicFile.write(page.html.utf8, path: target + "/report.html")
    try page.picture.map { try AtomicFile.write($0.utf8, path: target + "/report.svg") }
    try AtomicFile.write(page.markdown.utf8, path: target + "/report.md")
    try AtomicFile.write(object.line, path: target + "/report.json")
    let names = ["html"] + (page.picture == nil ? [] : ["svg"]) + ["md", "json"]
    print(json ? object.text : "\(target)/" + names.map { "report.\($0)" }.joined(separator: ", "))
  }
}
