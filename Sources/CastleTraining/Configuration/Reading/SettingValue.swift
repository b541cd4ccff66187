import CastleCorpus
import Yams

/// A type that a setting can have.
protocol SettingValue: Sendable {
  /// What a user has to write, such as "a whole number".
  static var expectation: String { get }

  /// The value that `node` says, or nil if it says something else. `old` is what the setting was before.
  static func value(from node: Node, replacing old: Self) -> Self?

  /// The value as YAML.
  var node: Node { get }
}

extension Int: SettingValue {
  static var expectation: String { "a whole number" }

  static func value(from node: Node, replacing old: Int) -> Int? {
    node.scalar.flatMap { Int($0.string.replacing("_", with: "")) }
  }

  var node: Node { Node(String(self), Tag(.int)) }
}

extension UInt64: SettingValue {
  static var expectation: String { "a whole number that is not negative" }

  static func value(from node: Node, replacing old: UInt64) -> UInt64? {
    node.scalar.flatMap { UInt64($0.string.replacing("_", with: "")) }
  }

  var node: Node { Node(String(self), Tag(.int)) }
}

extension Double: SettingValue {
  static var expectation: String { "a number" }

  static func value(from node: Node, replacing old: Double) -> Double? {
    node.scalar.flatMap { Double($0.string) }.flatMap { $0.isFinite ? $0 : nil }
  }

  var node: Node { Node(String(self), Tag(.float)) }
}

extension Bool: SettingValue {
  static var expectation: String { "true or false" }

  static func value(from node: Node, replacing old: Bool) -> Bool? {
    node.scalar.flatMap { Bool($0.string) }
  }

  var node: Node { Node(String(self), Tag(.bool)) }
}

extension String: SettingValue {
  static var expectation: String { "text" }

  static func value(from node: Node, replacing old: String) -> String? {
    node.scalar?.string
  }

  var node: Node { Node(self, Tag(.str), .doubleQuoted) }
}

extension Optional: SettingValue where Wrapped: SettingValue & DefaultedSettingValue {
  static var expectation: String { Wrapped.expectation + " or null" }

  static func value(from node: Node, replacing old: Wrapped?) -> Wrapped?? {
    if node.isNull { return .some(nil) }
    return Wrapped.value(from: node, replacing: old ?? Wrapped.blank).map { .some($0) }
  }

  var node: Node { self?.node ?? Node("null", Tag(.null)) }
}

/// A setting value with a value to start from when there was none.
protocol DefaultedSettingValue {
  /// The value to start from.
  static var blank: Self { get }
}

extension Int: DefaultedSettingValue {
  static var blank: Int { 0 }
}

extension Double: DefaultedSettingValue {
  static var blank: Double { 0 }
}

extension String: DefaultedSettingValue {
  static var blank: String { "" }
}

extension Bool: DefaultedSettingValue {
  static var blank: Bool { false }
}

extension Array: SettingValue where Element == String {
  static var expectation: String { "a list of strings" }

  static func value(from node: Node, replacing old: [String]) -> [String]? {
    if node.isNull { return [] }
    if let text = node.scalar?.string { return [text] }
    guard let items = node.sequence?.map({ $0.scalar?.string }), !items.contains(nil) else { return nil }
    return items.compactMap { $0 }
  }

  var node: Node { Node(map(\.node), Tag(.seq), .flow) }
}

/// Names with a text each; a later file or override adds to them.
extension Dictionary: SettingValue where Key == String, Value == String {
  static var expectation: String { "names with a text each" }

  static func value(from node: Node, replacing old: [String: String]) -> [String: String]? {
    if node.isNull { return [:] }
    guard let mapping = node.mapping else { return nil }
    var result = old
    for (name, value) in mapping {
      guard let name = name.string, let text = value.scalar?.string else { return nil }
      result[name] = text
    }
    return result
  }

  var node: Node {
    Node(sorted { $0.key < $1.key }.map { (Node($0.key), $0.value.node) })
  }
}

extension SettingValue where Self: RawRepresentable & CaseIterable, RawValue == String {
  /// The names of the cases.
  static var expectation: String {
    "one of " + allCases.map(\.rawValue).joined(separator: ", ")
  }

  /// The case of that name.
  static func value(from node: Node, replacing old: Self) -> Self? {
    node.scalar.flatMap { Self(rawValue: $0.string) }
  }

  /// The name of the case.
  var node: Node { Node(rawValue, Tag(.str)) }
}

extension LearningRateSchedule.Kind: SettingValue {}

extension GradientFormat: SettingValue {}

extension TokenWidth: SettingValue, DefaultedSettingValue {
  static var blank: TokenWidth { .uint16 }

  static var expectation: String { "one of " + allCases.map { "\($0)" }.joined(separator: ", ") }

  static func value(from node: Node, replacing old: TokenWidth) -> TokenWidth? {
    node.scalar.flatMap { scalar in allCases.first { "\($0)" == scalar.string } }
  }

  var node: Node { Node("\(self)", Tag(.str)) }
}

extension Node {
  /// Whether the node says that there is nothing: `null`, `~` or an empty value.
  var isNull: Bool {
    guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
    return ["", "~", "null"].contains(scalar.string)
  }
}
