package import CastleFormats
package import CastleReports

/// What several experiments say together: the same comparison at several sizes of the model.
package struct SeriesReport {
  private let summaries: [ExperimentSummary]

  /// A report of `summaries`.
  ///
  /// - Throws: ``InputError`` if one has no result yet, or compares with another baseline than the first.
  package init(_ summaries: [ExperimentSummary]) throws {
    for summary in summaries { _ = try ExperimentReport(summary) }
    let baselines = summaries.map { $0.experiment.comparison?.baseline }
    if let index = baselines.firstIndex(where: { $0 == nil || $0 != baselines[0] }) {
      throw InputError(
        "\(summaries[index].experiment.source) compares with \(baselines[index] ?? "nothing"), "
          + "but \(summaries[0].experiment.source) with \(baselines[0] ?? "nothing"): report it alone")
    }
    self.summaries = summaries
  }

  /// The page.
  package var page: ReportPage {
    ReportPage(title: summaries.map(\.experiment.name).joined(separator: ", "), blocks: blocks)
  }

  /// The JSON of each report.
  package var json: JSONValue {
    get throws { .object(["series": .list(try summaries.map { try ExperimentReport($0).json })]) }
  }

  private var blocks: [ReportPage.Block] {
    var blocks: [ReportPage.Block] = []
    if let plot = ExperimentPlots.overParameters(summaries.flatMap(\.groups)) { blocks.append(.plot(plot)) }
    blocks += [
      .text("Points are means over seeds, bars one standard deviation to either side."),
      .heading("Final validation loss"), .table(losses, left: [0, 1]),
      .heading("Differences"),
      .text(
        "Loss minus that of \(summaries[0].experiment.comparison?.baseline ?? "") of the same pair; below "
          + "zero is better. Intervals of the mean are Student's t over the pairs."),
      .table(differences, left: [0, 1, 6]),
    ]
    for summary in summaries {
      guard let report = try? ExperimentReport(summary) else { continue }
      blocks.append(.folded(summary.experiment.name, report.blocks))
    }
    return blocks
  }

  private var losses: [[String]] {
    let rows = summaries.flatMap { summary in
      summary.groups.compactMap { group -> [String]? in
        let finished = group.members.map(\.result).filter { $0.isFinished && !$0.validation.isEmpty }
        guard let first = finished.first else { return nil }
        let sample = SeedStatistics(finished.compactMap { $0.validation.last?.loss })
        return [
          summary.experiment.name, ExperimentReport.title(group.name, group.condition),
          first.parameters.map(NumberFormat.grouped) ?? "", NumberFormat.grouped(first.tokens),
          "\(sample.count)", ExperimentReport.loss(sample.mean), ExperimentReport.loss(sample.median),
          sample.standardDeviation.map(ExperimentReport.loss) ?? "",
        ]
      }
    }
    return [["experiment", "run", "parameters", "tokens", "runs", "mean", "median", "sd"]] + rows
  }

  private var differences: [[String]] {
    let rows = summaries.flatMap { summary in
      summary.differences.filter { !$0.isScore && $0.measure == "validation" }.map { row in
        let sample = row.differences
        let interval = sample.intervalHalfWidth.map {
          "\(ExperimentReport.signed(sample.mean - $0)) … \(ExperimentReport.signed(sample.mean + $0))"
        }
        return [
          summary.experiment.name, ExperimentReport.title(row.name, row.condition), "\(sample.count)",
          ExperimentReport.signed(sample.mean), interval ?? "one pair only",
          ExperimentReport.signed(sample.median),
          sample.values.map { ExperimentReport.signed($0) }.joined(separator: " "),
        ]
      }
    }
    return [["experiment", "compared", "pairs", "mean", "95 % interval", "median", "each"]] + rows
  }
}
