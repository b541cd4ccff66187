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
    blocks += plots.losses.map { .plot($0) }
    if summary.groups.contains(where: { $0.members.count > 1 }) { blocks.append(.text(plots.legend)) }
    blocks += scores
    blocks += finalLosses
    blocks += differences
    blocks += crossings
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
        "Under way, in the pictures only: \(summary.unfinished.map(\.cell).joined(separator: ", ")).")
    }
    if !summary.missing.isEmpty { parts.append("Not begun: \(summary.missing.joined(separator: ", ")).") }
    parts += summary.failures.map { "Failed: \($0.cell) (\($0.reason))." }
    return parts.joined(separator: " ")
  }

  private var comparison: Experiment.Comparison? { summary.experiment.comparison }

  /// The last word of the axis along which runs are paired.
  private var pairName: String { comparison?.pair.split(separator: ".").last.map(String.init) ?? "" }

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
        let losses = Sample(finished.compactMap { $0.result.finalLosses[measure] })
        let bits = Sample(finished.compactMap { $0.result.finalBits[measure] })
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

  /// One table of all shares of right answers, in percent.
  private var scores: [ReportPage.Block] {
    let hasConditions = summary.conditions != [""]
    let rows = summary.conditions.flatMap { condition in
      summary.scoreMeasures.flatMap { measure in
        summary.groups.filter { $0.condition == condition }.compactMap { group -> [String]? in
          let values = group.members.filter(\.result.isFinished).compactMap {
            $0.result.finalScores[measure].map { 100 * $0 }
          }
          guard !values.isEmpty else { return nil }
          let sample = Sample(values)
          return (hasConditions ? [condition] : []) + [
            measure, group.name, "\(sample.count)", Self.percent(sample.mean), Self.percent(sample.median),
            sample.standardDeviation.map(Self.percent) ?? "",
            values.map(Self.percent).joined(separator: " "),
          ]
        }
      }
    }
    guard !rows.isEmpty else { return [] }
    let header =
      (hasConditions ? ["condition"] : [])
      + ["score", comparison?.axis ?? "run", "runs", "mean", "median", "sd", "each"]
    let texts = hasConditions ? 3 : 2
    return [
      .heading("Right answers"),
      .text("In percent, higher is better. sd is the standard deviation of single runs."),
      .table([header] + rows, left: Set(0..<texts).union([texts + 4])),
    ]
  }

  private var differences: [ReportPage.Block] {
    guard let comparison else { return [] }
    let rows = summary.differences
    let losses = rows.filter { !$0.isScore }
    let scores = rows.filter(\.isScore)
    let isPaired = "with the same \(pairName)"
    let intervals = "Intervals of the mean are Student's t over the pairs."
    var blocks: [ReportPage.Block] = []
    if !scores.isEmpty {
      blocks += [
        .heading("Differences in right answers from \(comparison.baseline)"),
        .text(
          "Percentage points more than \(comparison.baseline) \(isPaired); above zero is better. \(intervals)"
        ),
        table(scores, "score", scale: 100) { Self.signed($0, digits: 1) },
      ]
    }
    if !losses.isEmpty {
      blocks += [
        .heading("Differences from \(comparison.baseline)"),
        .text("Loss minus that of \(comparison.baseline) \(isPaired); below zero is better. \(intervals)"),
        table(losses, "text", scale: 1) { Self.signed($0) },
      ]
    }
    return blocks
  }

  private func table(
    _ rows: [ExperimentSummary.Difference], _ measure: String, scale: Double, _ text: (Double) -> String
  ) -> ReportPage.Block {
    let header = ["compared", measure, "pairs", "mean", "95 % interval", "median", "each"]
    let cells = rows.map { row in
      let sample = Sample(row.differences.values.map { scale * $0 })
      let interval = sample.halfWidth.map { "\(text(sample.mean - $0)) … \(text(sample.mean + $0))" }
      return [
        Self.title(row.name, row.condition), row.measure, "\(sample.count)", text(sample.mean),
        interval ?? "one pair only", text(sample.median), sample.values.map(text).joined(separator: " "),
      ]
    }
    return .table([header] + cells, left: [0, 1, 6])
  }

  private var crossings: [ReportPage.Block] {
    let rows = summary.crossings
    guard !rows.isEmpty else { return [] }
    let header = ["reaches the final loss of", "", "of pairs", "tokens", "time"]
    return [
      .heading("How early one reaches the other's final loss"),
      .text(
        "Validation loss, on straight lines between evaluations, as a share of the other's tokens and of its seconds on this "
          + "machine; means over the pairs that get there."),
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
        "Computed by \(machines.joined(separator: "; ")). Training text: \(texts.joined(separator: ", ")) (SHA-256 of its "
          + "files' hashes). Times are those of the machine as it was, with whatever else it did."),
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

  private static func percent(_ value: Double) -> String { NumberFormat.fixed(value, 1) }

  static func signed(_ value: Double, digits: Int = 4) -> String {
    (value < 0 ? "−" : "+") + NumberFormat.fixed(abs(value), digits)
  }

  private static func share(_ sample: Sample) -> String {
    sample.count > 0 ? NumberFormat.fixed(sample.mean * 100, 0) + " %" : "never"
  }
}
