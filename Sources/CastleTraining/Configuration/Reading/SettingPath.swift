import CastleFormats
import Yams

/// Where a setting stands: for error messages.
struct SettingPath {
  /// The file, or the setting as it was given.
  let source: ErrorText
  /// Whether `source` is a file, so that line numbers help.
  let isFile: Bool
  private(set) var components: [String] = []

  init(source: ErrorText, isFile: Bool) {
    self.source = source
    self.isFile = isFile
  }

  func appending(_ component: String) -> SettingPath {
    var path = self
    path.components.append(component)
    return path
  }

  var name: String { components.joined(separator: ".") }

  func error(_ problem: ErrorText, remedy: ErrorText? = nil, at node: Node?) -> InputError {
    let line = isFile ? node?.mark.map { ":\($0.line)" } ?? "" : ""
    return InputError(
      subject: "\(source)\(line): \(name.isEmpty ? "the configuration" : name)", problem: problem,
      remedy: remedy)
  }

  /// Keys of earlier versions and what they are called now.
  private static let renamed = [
    "model.size": "model.hidden-size", "model.hidden": "model.intermediate-size",
    "model.key-heads": "model.kv-heads",
    "training.length": "training.sequence-length",
  ]

  /// The error for a key that is not one of `siblings`, the keys of its section.
  func unknownKey(among siblings: [String], at node: Node) -> InputError {
    if let name = Self.renamed[name] { return error("is now called \(name)", at: node) }
    let settings = TrainingConfiguration().entries.map { $0.path.split(separator: ".").map(String.init) }
    let sections = Set(settings.map { $0.dropLast() }.filter { !$0.isEmpty })
    let here = siblings.map { Array(components.dropLast()) + [$0] }
    let valid = (settings + here + sections.map(Array.init)).map { $0.joined(separator: ".") }.sorted()
    return error(
      "is not a setting", remedy: "the nearest one is \(Self.nearest(to: components, among: valid))", at: node
    )
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
