import CastleFormats
package import CastleReports
import Foundation

/// What an experiment says so far, as a page, Markdown and JSON.
package struct ExperimentReport {
  /// The numbers.
  package let summary: ExperimentSummary

  /// A report of `summary`.
  ///
  /// - Throws: ``InputError`` if there is no result yet.
  package init(_ summary: ExperimentSummary) throws {
    guard !summary.groups.isEmpty else {
      throw InputError(
        "there is no result of \(summary.experiment.name) yet: start it with castle experiment run")
    }
    self.summary = summary
  }

  /// The report.
  package var page: ReportPage {
    ReportPage(title: summary.experiment.name, blocks: blocks)
  }

  /// The parts of the report.
  package var blocks: [ReportPage.Block] {
    let plots = ExperimentPlots(summary)
    var blocks: [ReportPage.Block] = []
    if !summary.experiment.question.isEmpty { blocks.append(.text(summary.experiment.question)) }
    blocks.append(.text(progress))
    let legend: [ReportPage.Block] =
      summary.groups.contains { $0.members.count > 1 } ? [.text(plots.legend)] : []
    if summary.isOfProbes {
      blocks += scores
      blocks.append(.folded("Right answers during training", plots.losses.map { .plot($0) } + legend))
      blocks.append(.folded("Losses", finalLosses + differences))
    } else {
      blocks += plots.losses.map { .plot($0) } + legend
      blocks += finalLosses + differences + scores
      blocks += crossings
    }
    blocks += plots.scales.map { .plot($0) }
    blocks += runs
    return blocks
  }

  /// How much of the experiment this is.
  private var progress: String {
    let finished = summary.groups.flatMap(\.members).count { $0.result.isFinished }
    var parts = ["\(finished) of \(NumberFormat.count(summary.experiment.cells.count, "run")) finished."]
    if !summary.unfinished.isEmpty {
      parts.append(
        "Under way, in the pictures only: \(Self.list(summary.unfinished.map(\.cell))).")
    }
    if !summary.missing.isEmpty { parts.append("Not begun: \(Self.list(summary.missing)).") }
    parts += summary.failures.map { "Failed: \($0.cell) (\($0.reason))." }
    return parts.joined(separator: " ")
  }

  /// The first of many names.
  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(20).joined(separator: ", ")
    return names.count > 20 ? "\(shown) and \(names.count - 20) more" : shown
  }

  var comparison: Experiment.Comparison? { summary.experiment.comparison }

  /// The last word of the axis along which runs are paired.
  var pairName: String { comparison?.pair.split(separator: ".").last.map(String.init) ?? "" }

  /// A table of each measure: mean, median, standard deviation, and every run.
  private var finalLosses: [ReportPage.Block] {
    let hasConditions = summary.conditions != [""]
    let pairs = summary.groups.flatMap { $0.members.map(\.pair) }.reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    return summary.measures.flatMap { measure -> [ReportPage.Block] in
      let header =
        [comparison?.axis ?? "run"] + (hasConditions ? ["condition"] : [])
        + ["parameters", "runs", "mean", "median", "sd", "bits/byte"]
        + (pairs == [""] ? [] : pairs.map { "\(pairName) \($0)" })
      let rows = summary.groups.compactMap { group -> [String]? in
        let finished = group.members.filter { $0.result.isFinished && $0.result.finalLosses[measure] != nil }
        guard !finished.isEmpty else { return nil }
        let losses = SeedStatistics(finished.compactMap { $0.result.finalLosses[measure] })
        let bits = SeedStatistics(finished.compactMap { $0.result.finalBits[measure] })
        let each = pairs.map { pair in
          finished.first { $0.pair == pair }?.result.finalLosses[measure].map(Self.loss) ?? ""
        }
        return [group.name] + (hasConditions ? [group.condition] : [])
          + [
            finished[0].result.parameters.map(NumberFormat.grouped) ?? "", "\(losses.count)",
            Self.loss(losses.mean),
            Self.loss(losses.median), losses.standardDeviation.map(Self.loss) ?? "",
            bits.count > 0 ? Self.loss(bits.mean) : "",
          ] + (pairs == [""] ? [] : each)
      }
      return [
        .heading("Final loss: \(measure)"),
        .text("In nats a token, lower is better. sd is the standard deviation of single runs."),
        .table([header] + rows, left: hasConditions ? [0, 1] : [0]),
      ]
    }
  }

  private var differences: [ReportPage.Block] {
    let rows = summary.differences.filter { !$0.isScore }
    guard !rows.isEmpty, let comparison else { return [] }
    let header = ["compared", "text", "pairs", "mean", "95 % interval", "median", "each"]
    return [
      .heading("Differences from \(comparison.baseline)"),
      .text(
        "Loss minus that of \(comparison.baseline) with the same \(pairName); below zero is better. "
          + "Intervals of the mean are Student's t over the pairs."),
      .table(
        [header]
          + rows.map { row in
            let sample = row.differences
            let interval = sample.intervalHalfWidth.map {
              "\(Self.signed(sample.mean - $0)) … \(Self.signed(sample.mean + $0))"
            }
            return [
              Self.title(row.name, row.condition), row.measure, "\(sample.count)", Self.signed(sample.mean),
              interval ?? "one pair only", Self.signed(sample.median),
              sample.values.map { Self.signed($0) }.joined(separator: " "),
            ]
          }, left: [0, 1, 6]),
    ]
  }

  private var crossings: [ReportPage.Block] {
    let rows = summary.crossings
    guard !rows.isEmpty else { return [] }
    let header = ["reaches the final loss of", "", "of pairs", "tokens", "time"]
    return [
      .heading("How early one reaches the other's final loss"),
      .text(
        "Validation loss, on straight lines between evaluations, as a share of the other's tokens and of its "
          + "seconds on this machine; means over the pairs that get there."),
      .table(
        [header]
          + rows.map { row in
            [
              Self.title(row.name, row.condition), row.baseline, "\(row.tokens.count)/\(row.pairCount)",
              Self.share(row.tokens), Self.share(row.seconds),
            ]
          }, left: [0, 1]),
    ]
  }

  /// Every run with its settings and versions.
  private var runs: [ReportPage.Block] {
    let results = summary.groups.flatMap { $0.members.map(\.result) }
    let header = ["run", "steps", "tokens", "time", "tokens/s"]
    let rows = results.map { result in
      [
        result.cell + (result.isFinished ? "" : " (under way)"), NumberFormat.grouped(result.steps),
        NumberFormat.grouped(result.tokens), NumberFormat.duration(result.seconds),
        result.seconds > 0 ? NumberFormat.grouped(Int(Double(result.tokens) / result.seconds)) : "",
      ]
    }
    let names = Set(results.flatMap(\.settings.keys)).sorted()
    let shared = names.filter { name in Set(results.map { $0.settings[name] }).count == 1 }
    let varied = names.filter { !shared.contains($0) }
    let machines = Set(results.compactMap(\.machine)).sorted()
    let texts = Set(results.compactMap(\.text)).sorted()
    return [
      .heading("Runs"), .table([header] + rows, left: [0]),
      .text(
        "Computed by \(machines.joined(separator: "; ")). Training text: "
          + "\(texts.joined(separator: ", ")) (SHA-256 of its files' hashes). "
          + "Times are those of the machine as it was, with whatever else it did."),
      .folded(
        "Settings that differ",
        [
          .table(
            [["run"] + varied]
              + results.map { result in [result.cell] + varied.map { result.settings[$0] ?? "" } },
            left: Set(0...varied.count))
        ]),
      .folded(
        "Settings of all runs",
        [
          .table(
            [["setting", "value"]] + shared.map { [$0, results.first?.settings[$0] ?? ""] }, left: [0, 1])
        ]),
    ]
  }

  static func title(_ name: String, _ condition: String) -> String {
    condition.isEmpty ? name : "\(name) (\(condition))"
  }

  static func loss(_ value: Double) -> String { NumberFormat.fixed(value, 4) }

  static func signed(_ value: Double, digits: Int = 4) -> String {
    (value < 0 ? "−" : "+") + NumberFormat.fixed(abs(value), digits)
  }

  private static func share(_ sample: SeedStatistics) -> String {
    sample.count > 0 ? NumberFormat.fixed(sample.mean * 100, 0) + " %" : "never"
  }
}
