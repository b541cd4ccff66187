import CastleFormats
import Foundation

extension Plot {
  static let width = 860.0, height = 430.0
  private static let left = 66.0, top = 40.0, bottom = 52.0
  private static let leastRight = 24.0, characterWidth = 6.6
  private static let nearEnd = 60.0

  /// The picture on a page. `identifier` distinguishes it from others there.
  package func svg(identifier: String) -> String {
    let (x, y) = axes
    return """
      <svg class="plot" viewBox="0 0 \(Self.width.svg) \(Self.height.svg)" role="img" \
      aria-label="\(HTMLText.escaped(title))" data-plot="\(HTMLText.escaped(hoverData(x, y)))">
      \(shapes(identifier: identifier).joined(separator: "\n"))
      <g class="hover"></g></svg>
      """
  }

  /// What the picture consists of. `identifier` distinguishes it from others beside it.
  func shapes(identifier: String) -> [String] {
    let (x, y) = axes
    var parts = [
      "<clipPath id=\"\(identifier)\"><rect x=\"\(x.start.svg)\" y=\"\(y.end.svg)\" "
        + "width=\"\((x.end - x.start).svg)\" height=\"\((y.start - y.end).svg)\"/></clipPath>",
      "<text class=\"title\" x=\"\(x.start.svg)\" y=\"20\">\(HTMLText.escaped(title))</text>",
    ]
    parts += grid(x, y)
    parts.append("<g clip-path=\"url(#\(identifier))\">")
    for (index, one) in series.enumerated() { parts += Self.shapes(one, SeriesStyle(index), x, y) }
    parts.append("</g>")
    return parts + directLabels(x, y)
  }

  /// The axes, with room for the names of the series on the right.
  private var axes: (x: PlotAxis, y: PlotAxis) {
    let labels = series.filter { !$0.isEmpty }.map(\.name)
    let right = labels.map { Double($0.count) * Self.characterWidth + 20 }.max() ?? Self.leastRight
    return axes(right: min(max(right, Self.leastRight), Self.width / 3))
  }

  private func axes(right: Double) -> (x: PlotAxis, y: PlotAxis) {
    let places = series.flatMap(\.positions)
    let isLogarithmic = { if case .logarithmic = xScale { true } else { false } }()
    let low = isLogarithmic ? (places.min() ?? 1) / 1.3 : 0
    let high = isLogarithmic ? (places.max() ?? 10) * 1.3 : places.max() ?? 1
    let (yLow, yHigh) = verticalRange
    return (
      PlotAxis(
        low: low, high: high, scale: xScale, isTime: xIsTime, from: Self.left, to: Self.width - right),
      PlotAxis(low: yLow, high: yHigh, from: Self.height - Self.bottom, to: Self.top)
    )
  }

  /// From the lowest value to the one that all curves reach after a tenth of their length: the steep
  /// beginning, which would flatten the rest, leaves the picture at its upper edge.
  private var verticalRange: (Double, Double) {
    let curves = series.flatMap(\.curves)
    let bars = series.flatMap(\.bars)
    let low = (curves.flatMap { $0.points.map(\.y) } + (bars + series.flatMap(\.band)).map(\.low)).min() ?? 0
    let starts = curves.filter { $0.emphasis != .faint }.compactMap { curve in
      curve.points.isEmpty ? nil : curve.points[Self.shownFrom(curve.points.count)...].map(\.y).max()
    }
    let high = max((starts + bars.map(\.high)).max() ?? low + 1, low + 0.02)
    let margin = (high - low) * 0.06
    return (low - margin, high + margin)
  }

  /// Short curves, such as those of evaluations, are shown whole from their second point on.
  private static func shownFrom(_ count: Int) -> Int {
    count < 3 ? 0 : count < 10 ? 1 : count / 10
  }

  private func grid(_ x: PlotAxis, _ y: PlotAxis) -> [String] {
    var parts: [String] = []
    for tick in x.ticks {
      let place = x.place(tick.value)
      parts.append(Self.line("grid", place, y.start, place, y.end))
      parts.append(Self.text(place, y.start + 18, tick.text, anchor: "middle"))
    }
    for tick in y.ticks {
      let place = y.place(tick.value)
      parts.append(Self.line("grid", x.start, place, x.end, place))
      parts.append(Self.text(x.start - 8, place + 4, tick.text, anchor: "end"))
    }
    parts.append(Self.line("axis", x.start, y.start, x.end, y.start))
    parts.append(Self.line("axis", x.start, y.start, x.start, y.end))
    parts.append(Self.text((x.start + x.end) / 2, Self.height - 10, xLabel, anchor: "middle", role: "label"))
    let middle = (y.start + y.end) / 2
    parts.append(
      "<text class=\"label\" text-anchor=\"middle\" transform=\"translate(16 \(middle.svg)) rotate(-90)\">"
        + "\(HTMLText.escaped(yLabel))</text>")
    return parts
  }

  private static func shapes(_ series: Series, _ style: SeriesStyle, _ x: PlotAxis, _ y: PlotAxis) -> [String]
  {
    func points(_ points: [Point]) -> String {
      thinned(points).map { "\(x.place($0.x).svg),\(y.place($0.y).svg)" }.joined(separator: " ")
    }
    var parts = ["<g class=\"\(style.colorClass)\">"]
    if !series.band.isEmpty {
      let edge =
        series.band.map { Point(x: $0.x, y: $0.high) }
        + series.band.reversed().map { Point(x: $0.x, y: $0.low) }
      parts.append("<polygon class=\"band\" points=\"\(points(edge))\"/>")
    }
    for curve in series.curves.sorted(by: { $0.emphasis.order < $1.emphasis.order }) {
      let dashes =
        curve.emphasis == .strong && !style.dashes.isEmpty ? " stroke-dasharray=\"\(style.dashes)\"" : ""
      let title = "<title>\(HTMLText.escaped(curve.name))</title>"
      if curve.points.count > 1 {
        parts.append(
          "<polyline class=\"\(curve.emphasis.name)\"\(dashes) "
            + "points=\"\(points(curve.points))\">\(title)</polyline>"
        )
      }
      guard curve.emphasis == .strong, series.showsPoints || curve.points.count == 1 else { continue }
      parts.append("<g class=\"mark\">")
      parts += curve.points.map { style.mark(x.place($0.x), y.place($0.y)) }
      parts.append("\(title)</g>")
    }
    for bar in series.bars {
      let place = x.place(bar.x)
      parts.append(line("bar", place, y.place(bar.low), place, y.place(bar.high)))
    }
    return parts + ["</g>"]
  }

  /// The names at the ends of the curves, moved apart where they would overlap.
  private func directLabels(_ x: PlotAxis, _ y: PlotAxis) -> [String] {
    let ends = series.enumerated().compactMap { index, series -> (index: Int, place: Point)? in
      let curves = series.curves
      guard let curve = curves.last(where: { $0.emphasis == .strong }) ?? curves.last,
        let end = curve.points.last
      else { return nil }
      return (index, Point(x: x.place(end.x), y: min(max(y.place(end.y), y.end + 6), y.start - 2)))
    }.sorted { $0.place.y < $1.place.y }
    let places = Self.apart(ends.map(\.place.y), by: 15, within: y.end...(y.start + 4))
    return zip(ends, places).flatMap { end, place in
      let name = HTMLText.escaped(series[end.index].name)
      let style = SeriesStyle(end.index)
      // A curve that ends early is named where it ends: a line across the picture would look like a part of
      // it.
      let target = (end.place.x < x.end - Self.nearEnd ? end.place.x : x.end) + 12
      return [
        "<g class=\"\(style.colorClass)\">" + Self.line("leader", end.place.x, end.place.y, target - 3, place)
          + "<text class=\"name\" x=\"\(target.svg)\" y=\"\((place + 4).svg)\">\(name)</text></g>"
      ]
    }
  }

  /// `places`, in rising order, at least `distance` apart.
  static func apart(_ places: [Double], by distance: Double, within range: ClosedRange<Double>) -> [Double] {
    var result = places
    for index in result.indices.dropFirst() {
      result[index] = max(result[index], result[index - 1] + distance)
    }
    guard let last = result.indices.last, result[last] > range.upperBound else { return result }
    result[last] = range.upperBound
    for index in result.indices.dropLast().reversed() {
      result[index] = min(result[index], result[index + 1] - distance)
    }
    return result
  }

  /// At most about a thousand points of a curve.
  private static func thinned(_ points: [Point]) -> [Point] {
    let pace = max(1, points.count / 1000)
    guard pace > 1, let last = points.last else { return points }
    return stride(from: 0, to: points.count, by: pace).map { points[$0] } + [last]
  }

  static func line(_ role: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    "<line class=\"\(role)\" x1=\"\(x1.svg)\" y1=\"\(y1.svg)\" x2=\"\(x2.svg)\" y2=\"\(y2.svg)\"/>"
  }

  static func text(_ x: Double, _ y: Double, _ text: String, anchor: String, role: String = "tick") -> String
  {
    "<text class=\"\(role)\" x=\"\(x.svg)\" y=\"\(y.svg)\" "
      + "text-anchor=\"\(anchor)\">\(HTMLText.escaped(text))</text>"
  }
}

extension Plot.Emphasis {
  var name: String {
    switch self {
    case .strong: "strong"
    case .thin: "thin"
    case .faint: "faint"
    }
  }

  /// What is drawn later is on top.
  var order: Int {
    switch self {
    case .faint: 0
    case .thin: 1
    case .strong: 2
    }
  }
}

extension Plot.Series {
  var isEmpty: Bool { curves.allSatisfy(\.points.isEmpty) }

  var positions: [Double] { curves.flatMap { $0.points.map(\.x) } + bars.map(\.x) }
}
