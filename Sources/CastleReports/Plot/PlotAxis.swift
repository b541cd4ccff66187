import Foundation

/// An axis: what it shows, and where.
struct PlotAxis {
  let low: Double
  let high: Double
  let scale: Plot.Scale
  let isTime: Bool
  /// The places of `low` and `high`.
  let start: Double
  let end: Double

  init(
    low: Double, high: Double, scale: Plot.Scale = .linear, isTime: Bool = false, from start: Double,
    to end: Double
  ) {
    self.low = low
    self.high = high > low ? high : low + 1
    self.scale = scale
    self.isTime = isTime
    self.start = start
    self.end = end
  }

  /// The place of `value`, which may be outside the axis.
  func place(_ value: Double) -> Double {
    let share =
      switch scale {
      case .linear: (value - low) / (high - low)
      case .logarithmic: log(value / low) / log(high / low)
      }
    return start + share * (end - start)
  }

  /// Values to write at the axis, with their texts.
  var ticks: [(value: Double, text: String)] {
    let values =
      switch scale {
      case .linear: isTime ? timeTicks : linearTicks
      case .logarithmic: logarithmicTicks
      }
    return values.map { ($0, isTime ? Self.time($0) : Self.short($0)) }
  }

  private static let most = 6.0

  private var linearTicks: [Double] {
    let rough = (high - low) / Self.most
    let power = pow(10, floor(log10(rough)))
    return multiples(of: [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough)
  }

  private var timeTicks: [Double] {
    let rough = (high - low) / Self.most
    let units: [Double] = [
      1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
    ]
    return units.first { $0 >= rough }.map(multiples(of:))
      ?? multiples(of: (rough / 86_400).rounded(.up) * 86_400)
  }

  private func multiples(of unit: Double) -> [Double] {
    let first = (low / unit).rounded(.up)
    let last = (high / unit).rounded(.down)
    guard first <= last, last - first < 100 else { return [] }
    return stride(from: first, through: last, by: 1).map { $0 * unit }
  }

  private var logarithmicTicks: [Double] {
    let powers = Int(floor(log10(low)))...Int(ceil(log10(high)))
    return powers.flatMap { power in [1.0, 2, 5].map { $0 * pow(10, Double(power)) } }
      .filter { low...high ~= $0 }
  }

  /// A number with a unit, such as 2.5M.
  static func short(_ value: Double) -> String {
    for (unit, name) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where abs(value) >= unit {
      return trimmed(value / unit) + name
    }
    return trimmed(value)
  }

  private static func time(_ seconds: Double) -> String {
    switch seconds {
    case 0: "0"
    case ..<60: trimmed(seconds) + " s"
    case ..<3600: trimmed(seconds / 60) + " min"
    case ..<172_800: trimmed(seconds / 3600) + " h"
    default: trimmed(seconds / 86_400) + " d"
    }
  }

  private static func trimmed(_ value: Double) -> String { String(format: "%.4g", value) }
}
