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
        throw inner.unknownKey(at: key)
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

/// Where a setting stands: for error messages.
struct SettingPath {
  /// The file, or the option that said it.
  let source: String
  /// Whether `source` is a file, so that line numbers help.
  let isFile: Bool
  private(set) var components: [String] = []

  init(source: String, isFile: Bool) {
    self.source = source
    self.isFile = isFile
  }

  func appending(_ component: String) -> SettingPath {
    var path = self
    path.components.append(component)
    return path
  }

  var name: String { components.joined(separator: ".") }

  func error(_ text: String, at node: Node?) -> InputError {
    let line = isFile ? node?.mark.map { ":\($0.line)" } ?? "" : ""
    return InputError("\(source)\(line): \(name.isEmpty ? "the configuration" : name) \(text)")
  }

  /// Keys of earlier versions and what they are called now.
  private static let renamed = [
    "model.size": "model.hidden-size", "model.hidden": "model.intermediate-size",
    "model.key-heads": "model.kv-heads",
    "training.length": "training.sequence-length",
  ]

  func unknownKey(at node: Node) -> InputError {
    if let name = Self.renamed[name] { return error("is now called \(name)", at: node) }
    let settings = TrainingConfiguration().entries.map { $0.path.split(separator: ".").map(String.init) }
    let sections = Set(settings.map { $0.dropLast() }.filter { !$0.isEmpty })
    let valid = (settings + sections.map(Array.init)).map { $0.joined(separator: ".") }.sorted()
    let nearest = Self.nearest(to: components, among: valid)
    return error("is not a setting; the nearest one is \(nearest)", at: node)
  }

  /// The key most like `components`: in the same section, or of the same name elsewhere.
  private static func nearest(to components: [String], among valid: [String]) -> String {
    func distance(_ key: String) -> Int {
      let parts = key.split(separator: ".").map(String.init)
      let last = EditDistance.between(parts.last ?? "", components.last ?? "")
      let section = EditDistance.between(
        parts.dropLast().joined(separator: "."), components.dropLast().joined(separator: "."))
      return 2 * last + min(section, 3)
    }
    return valid.min { distance($0) < distance($1) } ?? ""
  }
}

/// How unlike two words are.
enum EditDistance {
  /// The least number of characters to insert, drop or exchange (Levenshtein, 1966).
  static func between(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = above
      }
    }
    return row[b.count]
  }
}
