import CastleFormats
import Yams

/// A value of an experiment's file, with what an error message needs to say where it stands.
struct ExperimentNode {
  let node: Node
  let path: String
  let source: String

  /// Reads the text of a file; `source` names it in messages.
  init(text: String, source: String) throws {
    do {
      guard let node = try Yams.compose(yaml: text) else {
        throw InputError("\(source) is empty: it needs a name, base settings and axes or cells")
      }
      self.init(node: node, path: "", source: source)
    } catch YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
      YamlError.composer(_, let problem, let mark, _)
    {
      throw InputError("\(source):\(mark.line):\(mark.column): not valid YAML: \(problem)")
    } catch let error as InputError {
      throw error
    } catch {
      let reason = String(describing: error).split(separator: "\n").joined(separator: " ")
      throw InputError("\(source): not valid YAML: \(reason)")
    }
  }

  private init(node: Node, path: String, source: String) {
    self.node = node
    self.path = path
    self.source = source
  }

  func error(_ problem: ErrorText) -> InputError {
    let line = node.mark.map { ":\($0.line)" } ?? ""
    return InputError(
      subject: "\(source)\(line): \(path.isEmpty ? "the experiment" : path)", problem: problem)
  }

  /// The members in the order of the file.
  func members() throws -> [(key: String, value: ExperimentNode)] {
    guard let mapping = node.mapping else { throw error("must be names with values, as in name: value") }
    return try mapping.map { key, value in
      guard let name = key.scalar?.string, !name.isEmpty else { throw error("has a key that is no name") }
      let path = path.isEmpty ? name : path + "." + name
      return (name, ExperimentNode(node: value, path: path, source: source))
    }
  }

  /// The members by name, which must be among `keys`.
  func members(among keys: [String]) throws -> [String: ExperimentNode] {
    try members().reduce(into: [:]) { result, member in
      guard keys.contains(member.key) else {
        throw member.value.error("is not known here; there are \(keys.joined(separator: ", "))")
      }
      result[member.key] = member.value
    }
  }

  var isMapping: Bool { node.mapping != nil }
  var isList: Bool { node.sequence != nil }

  /// The items of a list; a single value is a list of itself.
  func items() throws -> [ExperimentNode] {
    guard let sequence = node.sequence else { return [self] }
    return sequence.enumerated().map { index, item in
      ExperimentNode(node: item, path: "\(path)[\(index + 1)]", source: source)
    }
  }

  func text() throws -> String {
    guard let text = node.scalar?.string, !text.isEmpty else { throw error("must be a text") }
    return text
  }

  func count(within range: ClosedRange<Int>) throws -> Int {
    let text = try text()
    guard let value = Int(text.replacing("_", with: "")), range.contains(value) else {
      throw error("is '\(text)', which is not a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// Settings of a training configuration: nested, or with dots in their keys.
  func settings() throws -> [SettingOverride] {
    try members().flatMap { try $0.value.settings(under: $0.key) }
  }

  private func settings(under key: String) throws -> [SettingOverride] {
    guard isMapping else { return [try setting(named: key)] }
    return try members().flatMap { try $0.value.settings(under: key + "." + $0.key) }
  }

  /// The value of the setting `key`.
  func setting(named key: String) throws -> SettingOverride {
    guard key != "output" else {
      throw error("cannot be set: every cell has a folder of its own in the experiment's \(.outputFolder)")
    }
    if let scalar = node.scalar {
      return SettingOverride(key: key, text: scalar.string, isQuoted: ![.plain, .any].contains(scalar.style))
    }
    let texts = try items().map { try $0.text() }
    let list = texts.map(SettingOverride.quoted).joined(separator: ", ")
    return SettingOverride(key: key, text: "[\(list)]", isQuoted: false)
  }
}
