import CastleFormats
import Foundation

/// Curves in a coordinate system, as an SVG picture.
struct LossChart {
  /// A curve with its name and colour.
  struct Curve {
    var name: String
    var color: String
    var points: [(x: Double, y: Double)]
    /// Whether the curve is in the background.
    var isFaint: Bool
  }

  var title: String
  var horizontalLabel: String
  var curves: [Curve]

  private static let width = 860.0, height = 420.0
  private static let left = 60.0, right = 20.0, top = 34.0, bottom = 44.0

  /// The picture.
  var svg: String {
    let xs = curves.flatMap { $0.points.map(\.x) }
    let xTop = max(xs.max() ?? 1, 1e-9)
    let (yLow, yHigh) = verticalRange
    func x(_ value: Double) -> Double { Self.left + value / xTop * (Self.width - Self.left - Self.right) }
    func y(_ value: Double) -> Double {
      let share = (min(value, yHigh) - yLow) / (yHigh - yLow)
      return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
    }
    var parts = [
      "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\">",
      "<text class=\"title\" x=\"\(Self.left)\" y=\"20\">\(HTMLText.escaped(title))</text>",
    ]
    for tick in Self.ticks(from: 0, to: xTop) {
      parts.append(Self.line(x(tick), Self.top, x(tick), Self.height - Self.bottom))
      parts.append(Self.label(x(tick), Self.height - Self.bottom + 16, Self.short(tick), anchor: "middle"))
    }
    for tick in Self.ticks(from: yLow, to: yHigh) {
      parts.append(Self.line(Self.left, y(tick), Self.width - Self.right, y(tick)))
      parts.append(Self.label(Self.left - 6, y(tick) + 4, Self.short(tick), anchor: "end"))
    }
    parts.append(Self.label(Self.width / 2, Self.height - 8, horizontalLabel, anchor: "middle"))
    for curve in curves {
      let points = Self.thinned(curve.points)
        .map { "\(NumberFormat.fixed(x($0.x), 1)),\(NumberFormat.fixed(y($0.y), 1))" }
        .joined(separator: " ")
      let style = curve.isFaint ? "stroke-opacity=\"0.25\" stroke-width=\"1\"" : "stroke-width=\"2\""
      parts.append(
        "<polyline fill=\"none\" stroke=\"\(curve.color)\" \(style) points=\"\(points)\">"
          + "<title>\(HTMLText.escaped(curve.name))</title></polyline>")
    }
    return (parts + ["</svg>"]).joined(separator: "\n")
  }

  /// From the lowest loss to the one that all curves reach after a tenth of their length, so that the steep beginning does not
  /// flatten the rest.
  private var verticalRange: (Double, Double) {
    let low = curves.flatMap { $0.points.map(\.y) }.min() ?? 0
    let starts = curves.filter { !$0.isFaint }.compactMap { curve in
      curve.points.isEmpty ? nil : curve.points[curve.points.count / 10].y
    }
    let high = max(starts.max() ?? low + 1, low + 0.1)
    let margin = (high - low) * 0.05
    return (max(0, low - margin), high + margin)
  }

  /// At most about a thousand points of a curve.
  private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let pace = max(1, points.count / 1000)
    guard pace > 1, let last = points.last else { return points }
    return stride(from: 0, to: points.count, by: pace).map { points[$0] } + [last]
  }

  private static func ticks(from low: Double, to high: Double) -> [Double] {
    let rough = (high - low) / 6
    let power = pow(10, floor(log10(rough)))
    let unit = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    let first = (low / unit).rounded(.up)
    let last = (high / unit).rounded(.down)
    return last < first ? [] : stride(from: first, through: last, by: 1).map { $0 * unit }
  }

  private static func short(_ value: Double) -> String {
    if value >= 1e9 { return trimmed(value / 1e9) + "G" }
    if value >= 1e6 { return trimmed(value / 1e6) + "M" }
    if value >= 1e4 { return trimmed(value / 1e3) + "k" }
    return trimmed(value)
  }

  private static func trimmed(_ value: Double) -> String {
    String(format: "%.4g", value)
  }

  private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    "<line class=\"grid\" x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\"/>"
  }

  private static func label(_ x: Double, _ y: Double, _ text: String, anchor: String) -> String {
    "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\">\(HTMLText.escaped(text))</text>"
  }
}

/// Text inside HTML.
enum HTMLText {
  /// `text` with the characters replaced that mean something in HTML.
  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
