/// What tells series apart: a color of Okabe and Ito's palette (safe for color-blind readers), and a dash
/// pattern and mark for print in gray.
struct SeriesStyle {
  /// The number of the style, counted from 0.
  let index: Int

  init(_ index: Int) { self.index = index }

  /// The class that gives the color.
  var colorClass: String { "s\(index % Self.colors.count)" }

  /// The pattern of strong curves; empty for a whole line.
  var dashes: String { Self.patterns[index % Self.patterns.count] }

  /// The mark of a point at (`x`, `y`).
  func mark(_ x: Double, _ y: Double) -> String {
    func path(_ text: String) -> String { "<path d=\"\(text)\"/>" }
    let r = 4.0
    return switch index % 4 {
    case 0: "<circle cx=\"\(x.svg)\" cy=\"\(y.svg)\" r=\"\(r.svg)\"/>"
    case 1:
      "<rect x=\"\((x - r).svg)\" y=\"\((y - r).svg)\" width=\"\((2 * r).svg)\" height=\"\((2 * r).svg)\"/>"
    case 2: path("M\(x.svg) \((y - 5).svg)L\((x + 5).svg) \((y + 4).svg)H\((x - 5).svg)Z")
    default:
      path(
        "M\(x.svg) \((y - 5).svg)L\((x + 5).svg) \(y.svg)L\(x.svg) \((y + 5).svg)L\((x - 5).svg) \(y.svg)Z")
    }
  }

  private static let patterns = ["", "9 3", "3 2.5", "9 3 2.5 3", "1.5 3.5", "14 3 3 3"]

  /// For a white page, and for a black one.
  private static let colors = [
    ("#0072b2", "#4cacea"), ("#d55e00", "#ff8f45"), ("#00805c", "#2fc79a"), ("#a8578a", "#e59bc8"),
    ("#b07800", "#f0b840"), ("#1d86c4", "#9bd4f7"), ("#333333", "#d0d0d0"),
  ]

  /// The colors as CSS variables of a light or a dark page.
  static func variables(isDark: Bool) -> String {
    colors.enumerated().map { "--s\($0): \(isDark ? $1.1 : $1.0);" }.joined(separator: " ")
  }

  /// The classes.
  static var rules: String {
    colors.indices.map { ".s\($0) { --c: var(--s\($0)); }" }.joined(separator: "\n")
  }
}

extension Double {
  /// A length in a picture.
  var svg: String {
    let tenths = (self * 10).rounded() / 10
    return tenths == tenths.rounded() ? String(Int(tenths)) : String(tenths)
  }
}
