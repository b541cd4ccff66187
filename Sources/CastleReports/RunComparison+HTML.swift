extension RunComparison {
  /// The comparison as one page that needs no other file and no network.
  public var html: String {
    var plots = [
      plot(title: "Loss against tokens", label: "tokens trained on") { Double($0.tokens) },
      plot(title: "Loss against time", label: "time of training and evaluations") { $0.seconds },
    ]
    plots[1].xIsTime = true
    var blocks: [ReportPage.Block] = [
      .text("Strong lines: evaluation. Faint lines: training, averaged over a fiftieth of the run.")
    ]
    blocks += plots.map { .plot($0) }
    blocks.append(.table([header] + cells, left: [0]))
    if !leftOut.isEmpty {
      blocks.append(.heading("Left out"))
      blocks.append(.table([["run", "why"]] + leftOut.map { [$0.run, $0.reason] }, left: [0, 1]))
    }
    return ReportPage(title: "Comparison of runs", blocks: blocks).html
  }

  private func plot(title: String, label: String, at position: (RunHistory.Point) -> Double) -> Plot {
    let names = titles
    let series = zip(runs, names).map { run, name in
      let evaluations = run.evaluations.sorted { $0.key < $1.key }.filter { $0.value.count > 1 }
      func points(_ points: [RunHistory.Point]) -> [Plot.Point] {
        points.map { Plot.Point(x: position($0), y: $0.loss) }
      }
      let training = Plot.Curve(
        name: "\(name), training", points: points(Self.averaged(run.steps)),
        emphasis: evaluations.isEmpty ? .strong : .faint)
      return Plot.Series(
        name: name,
        curves: [training]
          + evaluations.map {
            Plot.Curve(name: "\(name), \($0.key)", points: points($0.value), emphasis: .strong)
          })
    }
    return Plot(title: title, xLabel: label, yLabel: "loss, nats a token", series: series)
  }

  /// The names of the runs' folders, whole where two end alike.
  private var titles: [String] {
    let names = runs.map(\.name)
    return runs.map { run in names.count { $0 == run.name } > 1 ? run.folder : run.name }
  }

  /// A running mean over a fiftieth of the run.
  private static func averaged(_ points: [RunHistory.Point]) -> [RunHistory.Point] {
    let width = max(1, points.count / 50)
    var sum = 0.0
    return points.enumerated().map { index, point in
      sum += point.loss
      if index >= width { sum -= points[index - width].loss }
      var mean = point
      mean.loss = sum / Double(min(index + 1, width))
      return mean
    }
  }
}
