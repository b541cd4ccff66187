/// What a value must be beyond its type.
struct Requirement<Value> {
  let text: String
  let isMet: (Value) -> Bool

  static var none: Requirement { Requirement(text: "") { _ in true } }
}

extension Requirement where Value: Comparable {
  static func atLeast(_ bound: Value) -> Requirement {
    Requirement(text: "at least \(bound)") { $0 >= bound }
  }

  static func within(_ range: ClosedRange<Value>) -> Requirement {
    Requirement(text: "from \(range.lowerBound) to \(range.upperBound)") { range.contains($0) }
  }
}

/// Numbers that are computed with in single precision.
extension Requirement where Value == Double {
  static var positive: Requirement {
    Requirement(text: "above 0 in single precision, and finite") { Float($0) > 0 && Float($0).isFinite }
  }

  static var belowOne: Requirement {
    Requirement(text: "at least 0 and below 1 in single precision") { $0 >= 0 && Float($0) < 1 }
  }
}

extension Requirement {
  /// The same for a value that may be missing.
  static func ifPresent<Wrapped>(_ inner: Requirement<Wrapped>) -> Requirement where Value == Wrapped? {
    Requirement(text: inner.text) { $0.map(inner.isMet) ?? true }
  }
}
