import ArgumentParser

/// Checks of the numbers that options give, all with one form of message.
enum OptionRange {
  /// Throws if `value` is given and not in `range`. `name` is the option with its dashes.
  static func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
    guard let value, !range.contains(value) else { return }
    throw ValidationError("\(name) is \(value), it must be from \(range.lowerBound) to \(range.upperBound)")
  }

  /// Throws if `value` is given and less than where `range` begins. `name` is the option with its dashes.
  static func check(_ name: String, _ value: Int?, _ range: PartialRangeFrom<Int>) throws {
    guard let value, !range.contains(value) else { return }
    throw ValidationError("\(name) is \(value), it must be at least \(range.lowerBound)")
  }
}
