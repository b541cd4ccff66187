/// Curves, bands and points in a coordinate system.
package struct Plot: Sendable {
  /// A place in the coordinate system.
  package struct Point: Sendable, Hashable {
    package var x: Double
    package var y: Double

    package init(x: Double, y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// How strongly a curve is drawn.
  package enum Emphasis: Sendable, Hashable {
    /// What the picture is about.
    case strong
    /// One of several that a strong one stands for.
    case thin
    /// In the background.
    case faint
  }

  /// A curve.
  package struct Curve: Sendable {
    /// Its tooltip.
    package var name: String
    package var points: [Point]
    package var emphasis: Emphasis

    package init(name: String, points: [Point], emphasis: Emphasis) {
      self.name = name
      self.points = points
      self.emphasis = emphasis
    }
  }

  /// The range of values at a place.
  package struct Band: Sendable {
    package var x: Double
    package var low: Double
    package var high: Double

    package init(x: Double, low: Double, high: Double) {
      self.x = x
      self.low = low
      self.high = high
    }
  }

  /// Curves that share a name, color and dash pattern.
  package struct Series: Sendable {
    package var name: String
    package var curves: [Curve] = []
    /// Drawn as an area behind the curves.
    package var band: [Band] = []
    /// Drawn as bars at single points, such as intervals.
    package var bars: [Band] = []
    /// Whether the points of strong curves are marked.
    package var showsPoints = false

    package init(name: String, curves: [Curve] = [], band: [Band] = []) {
      self.name = name
      self.curves = curves
      self.band = band
    }
  }

  /// How values map to positions.
  package enum Scale: Sendable {
    case linear
    case logarithmic
  }

  package var title: String
  package var xLabel: String
  package var yLabel: String
  package var xScale = Scale.linear
  /// Whether x is in seconds, with ticks at minutes and hours.
  package var xIsTime = false
  package var series: [Series]

  package init(title: String, xLabel: String, yLabel: String, series: [Series]) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.series = series
  }
}
