import CastleFormats
import Yams

/// A group of settings.
public protocol ConfigurationSection: Sendable {
  /// The settings with their default values.
  init()

  /// The keys of the section, in the order in which they are written.
  static var settings: [Setting<Self>] { get }
}

extension ConfigurationSection {
  /// Takes over what `node` says; keys that it does not name keep their value.
  mutating func apply(_ node: Node, at path: SettingPath) throws {
    if node.isNull { return }
    guard let mapping = node.mapping else {
      throw path.error("is \(node.quoted), which is not a group of settings", at: node)
    }
    for (key, value) in mapping {
      let name = key.scalar?.string ?? ""
      let inner = path.appending(name)
      guard let setting = Self.settings.first(where: { $0.name == name }) else {
        throw inner.unknownKey(among: Self.settings.map(\.name), at: key)
      }
      try setting.assign(&self, value, inner)
    }
  }

  /// The section as YAML, every key included.
  var node: Node {
    Node(Self.settings.map { (Node($0.name), $0.node(self)) })
  }

  /// Every key below this section with its value.
  func entries(under path: String) -> [SettingEntry] {
    Self.settings.flatMap { setting in
      setting.entries(self, path.isEmpty ? setting.name : path + "." + setting.name)
    }
  }
}
