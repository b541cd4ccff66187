import CastleFormats
import Yams

/// One key of a section of the configuration: its name, what it means, how it is read, checked and written.
public struct Setting<Section> {
  /// The key, in kebab case.
  public let name: String
  /// One line for the reference.
  public let help: String

  let assign: (inout Section, Node, SettingPath) throws -> Void
  let node: (Section) -> Node
  let entries: (Section, String) -> [SettingEntry]

  /// A key with a value that must meet `requirement`, and takes effect as `reading` makes it.
  init<Value: SettingValue>(
    _ name: String, _ property: WritableKeyPath<Section, Value>, _ help: String,
    _ requirement: Requirement<Value> = .none, reading: @escaping (Value) -> Value = { $0 }
  ) {
    self.name = name
    self.help = help
    assign = { section, node, path in
      guard let value = Value.value(from: node, replacing: section[keyPath: property]) else {
        throw path.error("is \(node.quoted), which is not \(Value.expectation)", at: node)
      }
      guard requirement.isMet(value) else {
        throw path.error("is \(node.quoted), which is not \(requirement.text)", at: node)
      }
      section[keyPath: property] = reading(value)
    }
    node = { $0[keyPath: property].node }
    entries = { section, path in
      [SettingEntry(path: path, value: section[keyPath: property].node.plainText, help: help)]
    }
  }

  /// A key whose value is a path; a leading `~` is the home folder.
  init(path name: String, _ property: WritableKeyPath<Section, String>, _ help: String) {
    self.init(name, property, help, reading: FilePath.expanded)
  }

  /// A key whose value is a path, or null.
  init(path name: String, _ property: WritableKeyPath<Section, String?>, _ help: String) {
    self.init(name, property, help, reading: { $0.map(FilePath.expanded) })
  }

  /// A key whose value is names with a path each.
  init(path name: String, _ property: WritableKeyPath<Section, [String: String]>, _ help: String) {
    self.init(name, property, help, reading: { $0.mapValues(FilePath.expanded) })
  }

  /// A key that holds a section.
  init<Inner: ConfigurationSection>(section name: String, _ property: WritableKeyPath<Section, Inner>) {
    self.name = name
    help = ""
    assign = { section, node, path in try section[keyPath: property].apply(node, at: path) }
    node = { $0[keyPath: property].node }
    entries = { section, path in section[keyPath: property].entries(under: path) }
  }

  /// A key that holds sections under names of the user's choice; a later file or override adds to them.
  init<Inner: ConfigurationSection>(
    sections name: String, _ property: WritableKeyPath<Section, [String: Inner]>, _ help: String
  ) {
    self.name = name
    self.help = help
    assign = { section, node, path in
      if node.isNull { return section[keyPath: property] = [:] }
      guard let mapping = node.mapping else {
        throw path.error("is \(node.quoted), which is not names with a group of settings each", at: node)
      }
      for (key, value) in mapping {
        let name = key.scalar?.string ?? ""
        try section[keyPath: property][name, default: Inner()].apply(value, at: path.appending(name))
      }
    }
    node = { section in
      Node(section[keyPath: property].sorted { $0.key < $1.key }.map { (Node($0.key), $0.value.node) })
    }
    entries = { section, path in
      let sections = section[keyPath: property].sorted { $0.key < $1.key }
      guard !sections.isEmpty else { return [SettingEntry(path: path, value: "{}", help: help)] }
      return sections.flatMap { $0.value.entries(under: path + "." + $0.key) }
    }
  }
}

extension Node {
  /// The node as an error message shows it.
  var quoted: String { "'\(plainText)'" }

  var plainText: String {
    switch self {
    case .scalar(let scalar): scalar.string
    case .sequence(let items): "[" + items.map(\.plainText).joined(separator: ", ") + "]"
    case .mapping(let pairs):
      "{" + pairs.map { "\($0.key.plainText): \($0.value.plainText)" }.joined(separator: ", ") + "}"
    case .alias: "*"
    }
  }
}
