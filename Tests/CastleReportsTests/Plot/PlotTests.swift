import CastleReports
import Testing

struct PlotTests {
  private func plot(_ ys: [Double]) -> Plot {
    let points = ys.enumerated().map { Plot.Point(x: Double($0), y: $1) }
    return Plot(
      title: "Loss <of> two", xLabel: "tokens", yLabel: "loss",
      series: [
        Plot.Series(name: "first", curves: [.init(name: "first run", points: points, emphasis: .strong)]),
        Plot.Series(name: "second", curves: [.init(name: "second run", points: points, emphasis: .strong)]),
      ])
  }

  @Test func whatLiesAboveThePlotIsClippedAndNotMoved() throws {
    let svg = plot([100] + Array(repeating: 1, count: 30)).svg(identifier: "a")
    #expect(svg.contains("<clipPath id=\"a\">") && svg.contains("clip-path=\"url(#a)\""))
    let line = try #require(svg.split(separator: "\n").first { $0.hasPrefix("<polyline") })
    let start = try #require(line.split(separator: "points=\"").last?.split(separator: " ").first)
    #expect(try #require(start.split(separator: ",").last.flatMap { Double($0) }) < 0)
  }

  @Test func axesAndCurvesHaveNames() {
    let svg = plot([3, 2, 1]).svg(identifier: "a")
    #expect(svg.contains(">tokens</text>") && svg.contains(">loss</text>"))
    #expect(svg.contains(">first</text>") && svg.contains(">second</text>"))
    #expect(svg.contains("<title>first run</title>"))
    #expect(svg.contains("Loss &lt;of&gt; two") && !svg.contains("<of>"))
  }

  @Test func seriesDifferInMoreThanColor() {
    let lines = plot([3, 2, 1]).svg(identifier: "a").split(separator: "\n").filter {
      $0.hasPrefix("<polyline")
    }
    #expect(
      lines.count == 2 && !lines[0].contains("stroke-dasharray") && lines[1].contains("stroke-dasharray"))
  }

  @Test(arguments: [[], [2], [1, 1, 1], [1e-9, 1e9]])
  func nothingAndExtremesAreDrawnWithoutNonsense(ys: [Double]) {
    let svg = plot(ys).svg(identifier: "a")
    #expect(!svg.contains("nan") && !svg.contains("inf,"))
  }
}
