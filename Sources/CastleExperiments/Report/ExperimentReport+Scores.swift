import CastleFormats
import CastleReports

/// Shares of right answers: of probes and of tasks.
extension ExperimentReport {
  /// A table with a row for each score and a column for each of what is compared, the differences likewise,
  /// and every run for those who ask.
  var scores: [ReportPage.Block] {
    guard !summary.scoreMeasures.isEmpty else { return [] }
    let all: ReportPage.Block = .folded(
      "Right answers of every run",
      [.table(everyRun, left: Set(textColumns).union([textColumns.count, textColumns.count + 5]))])
    guard let comparison, names.count > 1 else { return [.heading("Right answers"), all] }
    let differences = rows(names.filter { $0 != comparison.baseline }) { difference($0) }
    let compared: [ReportPage.Block] = [
      .heading("Differences in right answers from \(comparison.baseline)"),
      .text(
        "Percentage points more than \(comparison.baseline) with the same \(pairName), and the 95 % interval "
          + "of the mean (Student's t over the pairs); above zero is better."),
      .table(differences, left: Set(textColumns)),
    ]
    return [
      .heading("Right answers"),
      .text(
        "In percent, higher is better: the mean of finished runs, ± the standard deviation of single runs; "
          + "in brackets the number of runs where it is another than \(mostRuns)."),
      .table(rows(names) { cell($0) }, left: Set(textColumns)),
    ] + (differences.count > 1 ? compared : []) + [all]
  }

  /// A score in one condition, of one of what is compared.
  private struct Place {
    let condition: String
    let measure: String
    let name: String
  }

  private var hasConditions: Bool { summary.conditions != [""] }

  /// The columns of texts that say which score it is.
  private var textColumns: Range<Int> { 0..<(hasConditions ? 2 : 1) }

  /// What is compared, in the order of the experiment.
  private var names: [String] {
    summary.groups.map(\.name).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  private func rows(_ names: [String], _ text: (Place) -> String) -> [[String]] {
    let header = (hasConditions ? ["condition"] : []) + ["score"] + names
    let rows = summary.conditions.flatMap { condition in
      summary.scoreMeasures.compactMap { measure -> [String]? in
        let cells = names.map { text(Place(condition: condition, measure: measure, name: $0)) }
        guard cells.contains(where: { !$0.isEmpty }) else { return nil }
        return (hasConditions ? [condition] : []) + [measure] + cells
      }
    }
    return [header] + rows
  }

  private func sample(_ place: Place) -> SeedStatistics {
    let group = summary.groups.first { $0.condition == place.condition && $0.name == place.name }
    return SeedStatistics(
      (group?.members ?? []).filter(\.result.isFinished).compactMap {
        $0.result.finalScores[place.measure].map { 100 * $0 }
      })
  }

  /// The number of runs that most scores have.
  private var mostRuns: Int {
    summary.groups.map { $0.members.count(where: \.result.isFinished) }.max() ?? 0
  }

  private func cell(_ place: Place) -> String {
    let sample = sample(place)
    guard sample.count > 0 else { return "" }
    let deviation = sample.standardDeviation.map { " ± " + Self.percent($0) } ?? ""
    return Self.percent(sample.mean) + deviation + (sample.count == mostRuns ? "" : " (\(sample.count))")
  }

  private func difference(_ place: Place) -> String {
    let row = summary.differences.first {
      $0.isScore && $0.measure == place.measure && $0.name == place.name && $0.condition == place.condition
    }
    guard let row else { return "" }
    let sample = SeedStatistics(row.differences.values.map { 100 * $0 })
    let mean = Self.signed(sample.mean, digits: 1)
    guard let half = sample.intervalHalfWidth else { return mean + " (one pair)" }
    let (low, high) = (sample.mean - half, sample.mean + half)
    return "\(mean) (\(Self.signed(low, digits: 1)) … \(Self.signed(high, digits: 1)))"
  }

  private var everyRun: [[String]] {
    let header =
      (hasConditions ? ["condition"] : [])
      + ["score", comparison?.axis ?? "run", "runs", "mean", "median", "sd", "each"]
    let rows = summary.conditions.flatMap { condition in
      summary.scoreMeasures.flatMap { measure in
        names.compactMap { name -> [String]? in
          let sample = sample(Place(condition: condition, measure: measure, name: name))
          guard sample.count > 0 else { return nil }
          return (hasConditions ? [condition] : []) + [
            measure, name, "\(sample.count)", Self.percent(sample.mean), Self.percent(sample.median),
            sample.standardDeviation.map(Self.percent) ?? "",
            sample.values.map(Self.percent).joined(separator: " "),
          ]
        }
      }
    }
    return [header] + rows
  }

  private static func percent(_ value: Double) -> String { NumberFormat.fixed(value, 1) }
}
