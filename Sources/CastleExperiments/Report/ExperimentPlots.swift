import CastleReports

/// The pictures of a report.
struct ExperimentPlots {
  private let summary: ExperimentSummary

  init(_ summary: ExperimentSummary) { self.summary = summary }

  /// Loss against tokens and against seconds, in every condition.
  var losses: [Plot] {
    summary.conditions.flatMap { condition -> [Plot] in
      let groups = summary.groups.filter { $0.condition == condition }
      let suffix = condition.isEmpty ? "" : " (\(condition))"
      if groups.contains(where: { $0.members.contains(where: \.result.isProbe) }) {
        return [accuracy("Right answers against tokens" + suffix, groups)]
      }
      var plots = [
        plot("Validation loss against tokens" + suffix, groups, \.validation, at: { Double($0.tokens) }),
        plot("Validation loss against time" + suffix, groups, \.validation, at: \.seconds),
        plot(
          "Training loss against tokens" + suffix, groups, Self.smoothedTraining, at: { Double($0.tokens) }),
      ]
      plots[0].xLabel = "tokens trained on"
      plots[1].xLabel = "time of training and evaluations"
      plots[1].xIsTime = true
      plots[2].xLabel = "tokens trained on"
      return plots
    }
  }

  /// Final loss against parameters, or against what the runs are paired along if that is a number other than
  /// a seed.
  var scales: [Plot] {
    let groups = summary.groups
    let pair = summary.experiment.comparison?.pair
    let byPair = Self.final("Final validation loss against \(pair ?? "")", groups, label: pair ?? "") {
      pair == "seed" ? nil : Double($0.pair)
    }
    // Cells from which others branch have not come to the end of a schedule.
    let origins = Set(summary.experiment.cells.compactMap(\.branch?.cell))
    let byTokens = Self.final("Final validation loss against tokens", groups, label: "tokens trained on") {
      origins.contains($0.result.cell) ? nil : Double($0.result.tokens)
    }
    return [Self.overParameters(groups), byPair, byTokens].compactMap { $0 }
  }

  /// Final loss against parameters.
  static func overParameters(_ groups: [ExperimentSummary.Group]) -> Plot? {
    final("Final validation loss against parameters", groups, label: "parameters") {
      $0.result.parameters.map(Double.init)
    }
  }

  private var isPairedBySeed: Bool { (summary.experiment.comparison?.pair ?? "seed") == "seed" }

  /// What the kinds of lines mean.
  var legend: String {
    isPairedBySeed
      ? "Strong lines are means over seeds, areas one standard deviation to either side, "
        + "thin lines every run."
      : "Strong lines are the best run of each, thin lines every run."
  }

  /// The share of right answers during training.
  private func accuracy(_ title: String, _ groups: [ExperimentSummary.Group]) -> Plot {
    func curve(_ result: CellResult) -> [CellResult.Point] {
      result.validation.compactMap { point in
        guard let accuracy = point.accuracy else { return nil }
        var point = point
        point.loss = 100 * accuracy
        return point
      }
    }
    var plot = plot(title, groups, curve, at: { Double($0.tokens) })
    plot.xLabel = "tokens trained on"
    plot.yLabel = "right answers, %"
    return plot
  }

  private func plot(
    _ title: String, _ groups: [ExperimentSummary.Group], _ curve: (CellResult) -> [CellResult.Point],
    at place: (CellResult.Point) -> Double
  ) -> Plot {
    let series = groups.map { group -> Plot.Series in
      let results = group.members.filter { !curve($0.result).isEmpty }
      func points(_ result: CellResult) -> [Plot.Point] {
        curve(result).map { Plot.Point(x: place($0), y: $0.loss) }
      }
      guard results.count > 1 else {
        return Plot.Series(
          name: group.name,
          curves: results.map {
            Plot.Curve(name: $0.result.cell, points: points($0.result), emphasis: .strong)
          }
        )
      }
      var series = Plot.Series(
        name: group.name,
        curves: results.map { Plot.Curve(name: $0.result.cell, points: points($0.result), emphasis: .thin) })
      if isPairedBySeed {
        let means = Self.means(results.map { curve($0.result) }, at: place)
        series.curves.append(
          Plot.Curve(
            name: "\(group.name), mean of \(results.count)", points: means.map(\.mean), emphasis: .strong))
        series.band = means.compactMap { point in
          point.deviation.map { Plot.Band(x: point.mean.x, low: point.mean.y - $0, high: point.mean.y + $0) }
        }
      } else if let best = Self.best(results) {
        series.name = "\(group.name), best \(best.pair)"
        series.curves.append(
          Plot.Curve(name: best.result.cell, points: points(best.result), emphasis: .strong))
      }
      return series
    }
    return Plot(title: title, xLabel: "", yLabel: "loss, nats a token", series: series)
  }

  /// The finished run with the lowest loss, or before there is one that which has come furthest.
  private static func best(_ members: [ExperimentSummary.Member]) -> ExperimentSummary.Member? {
    members.filter(\.result.isFinished).min { end($0.result) < end($1.result) }
      ?? members.max { $0.result.tokens < $1.result.tokens }
  }

  private static func end(_ result: CellResult) -> Double { result.validation.last?.loss ?? .infinity }

  /// Training losses as running means over a twentieth of the points.
  private static func smoothedTraining(_ result: CellResult) -> [CellResult.Point] {
    let width = max(1, result.training.count / 20)
    return result.training.indices.dropFirst(width - 1).map { index in
      let stretch = result.training[(index - width + 1)...index]
      var point = result.training[index]
      point.loss = stretch.reduce(0) { $0 + $1.loss } / Double(stretch.count)
      return point
    }
  }

  /// The mean at all places that every curve has.
  private static func means(
    _ curves: [[CellResult.Point]], at place: (CellResult.Point) -> Double
  ) -> [(mean: Plot.Point, deviation: Double?)] {
    let tables = curves.map { Dictionary($0.map { ($0.tokens, $0) }) { $1 } }
    return curves[0].map(\.tokens).compactMap { tokens in
      let points = tables.compactMap { $0[tokens] }
      guard points.count == curves.count else { return nil }
      let losses = SeedStatistics(points.map(\.loss))
      return (Plot.Point(x: SeedStatistics(points.map(place)).mean, y: losses.mean), losses.standardDeviation)
    }
  }

  /// Final losses over a number that the runs have; nil unless there are two that differ by more than a
  /// twentieth.
  private static func final(
    _ title: String, _ groups: [ExperimentSummary.Group], label: String,
    at place: (ExperimentSummary.Member) -> Double?
  ) -> Plot? {
    var series: [Plot.Series] = []
    let names = groups.map(\.name).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    for name in names {
      let members = groups.filter { $0.name == name }.flatMap(\.members)
      var losses: [Double: [Double]] = [:]
      for member in members where member.result.isFinished && !member.result.isProbe {
        guard let x = place(member), x > 0, let loss = member.result.validation.last?.loss
        else { continue }
        losses[x, default: []].append(loss)
      }
      let samples = losses.sorted { $0.key < $1.key }.map { ($0.key, SeedStatistics($0.value)) }
      var one = Plot.Series(
        name: name,
        curves: [
          Plot.Curve(name: name, points: samples.map { Plot.Point(x: $0, y: $1.mean) }, emphasis: .strong)
        ])
      one.showsPoints = true
      one.bars = samples.compactMap { x, sample in
        sample.standardDeviation.map { Plot.Band(x: x, low: sample.mean - $0, high: sample.mean + $0) }
      }
      series.append(one)
    }
    let places = series.flatMap { $0.curves.flatMap { $0.points.map(\.x) } }
    guard let low = places.min(), let high = places.max(), high > low * 1.05 else { return nil }
    var plot = Plot(title: title, xLabel: label, yLabel: "loss, nats a token", series: series)
    plot.xScale = .logarithmic
    return plot
  }
}
