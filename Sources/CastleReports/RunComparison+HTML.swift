extension RunComparison {
  /// The comparison as one page that needs no other file and no network.
  public var html: String {
    let charts = [
      chart(title: "Loss against tokens", label: "tokens") { Double($0.tokens) },
      chart(title: "Loss against time", label: "seconds") { $0.seconds },
    ]
    let legend = runs.enumerated().map { index, run in
      "<li><span style=\"background:\(Self.color(index))\"></span>\(HTMLText.escaped(run.folder))</li>"
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <title>\(HTMLText.escaped(runs.map(\.name).joined(separator: ", ")))</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      <h1>Comparison of runs</h1>
      <ul class="legend">\(legend.joined())</ul>
      <p>Strong lines: evaluation. Faint lines: training, averaged.</p>
      \(charts.map(\.svg).joined(separator: "\n"))
      \(htmlTable)
      </body>
      </html>

      """
  }

  private static let style = """
    body { font: 15px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2em auto; padding: 0 1em; }
    svg { width: 100%; height: auto; }
    svg text { font: 12px system-ui, sans-serif; fill: #555; }
    svg text.title { font-size: 15px; fill: #111; }
    svg .grid { stroke: #ddd; stroke-width: 1; }
    table { border-collapse: collapse; width: 100%; }
    td, th { padding: 4px 8px; text-align: right; border-bottom: 1px solid #ddd; }
    td:first-child, th:first-child { text-align: left; }
    .legend { list-style: none; padding: 0; }
    .legend span { display: inline-block; width: 1em; height: 1em; margin-right: .5em; vertical-align: middle; }
    """

  private static func color(_ index: Int) -> String {
    let colors = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2"]
    return colors[index % colors.count]
  }

  private func chart(title: String, label: String, at position: (RunHistory.Point) -> Double) -> LossChart {
    var curves: [LossChart.Curve] = []
    for (index, run) in runs.enumerated() {
      let color = Self.color(index)
      let hasEvaluations = run.evaluations.values.contains { $0.count > 1 }
      curves.append(
        LossChart.Curve(
          name: "\(run.name), training", color: color,
          points: Self.averaged(run.steps).map { (position($0), $0.loss) }, isFaint: hasEvaluations))
      for (set, points) in run.evaluations.sorted(by: { $0.key < $1.key }) where points.count > 1 {
        curves.append(
          LossChart.Curve(
            name: "\(run.name), \(set)", color: color, points: points.map { (position($0), $0.loss) },
            isFaint: false))
      }
    }
    return LossChart(title: title, horizontalLabel: label, curves: curves)
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

  private var htmlTable: String {
    func row(_ cells: [String], _ tag: String) -> String {
      "<tr>" + cells.map { "<\(tag)>\(HTMLText.escaped($0))</\(tag)>" }.joined() + "</tr>"
    }
    return "<table>\n" + row(header, "th") + "\n" + cells.map { row($0, "td") }.joined(separator: "\n")
      + "\n</table>"
  }
}
