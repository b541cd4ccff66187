import CastleFormats
import Foundation
import Yams

extension TrainingConfiguration {
  /// Reads the YAML file at `path` and applies `overrides`, each `key=value` as in `training.steps=500`.
  ///
  /// Throws an ``InputError`` that names the file, the line, the key and what would be right.
  public init(path: String, overrides: [String] = []) throws {
    let bytes = try MappedFile(path: path).withBytes { Array($0) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InputError("\(path) is not UTF-8 text")
    }
    try self.init(yaml: text, source: path, overrides: overrides)
  }

  /// As ``init(path:overrides:)`` from text; `source` names it in errors.
  public init(yaml: String, source: String, overrides: [String] = []) throws {
    self.init()
    if let node = try Self.parse(yaml, source: source) {
      try apply(node, at: SettingPath(source: source, isFile: true))
    }
    for override in overrides { try apply(override: override) }
    try checkTogether()
  }

  /// The configuration as YAML, every key included.
  public func yaml() throws -> String {
    try Yams.serialize(node: node, width: -1)
  }

  private mutating func apply(override: String) throws {
    let parts = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw InputError("--set \(override): expected key=value, as in --set training.steps=500")
    }
    let source = "--set \(override)"
    let value = try Self.parse(String(parts[1]), source: source) ?? Node("", Tag(.null))
    let keys = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let node = keys.reversed().reduce(value) { inner, key in Node([(Node(key), inner)]) }
    try apply(node, at: SettingPath(source: source, isFile: false))
  }

  private static func parse(_ yaml: String, source: String) throws -> Node? {
    do {
      return try Yams.compose(yaml: yaml)
    } catch YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
      YamlError.composer(_, let problem, let mark, _)
    {
      throw InputError("\(source):\(mark.line):\(mark.column): not valid YAML: \(problem)")
    } catch {
      let text = String(describing: error).split(separator: "\n").joined(separator: " ")
      throw InputError("\(source): not valid YAML: \(text)")
    }
  }

  /// Checks what no single key can tell.
  private func checkTogether() throws {
    guard !output.isEmpty else {
      throw InputError("output is not set: name a folder for the run, as in --set output=runs/first")
    }
    guard !data.shards.isEmpty else {
      throw InputError(
        "data.shards is not set: name a folder made by castle prepare, as in --set data.shards=data/books")
    }
    guard training.tokens != nil else {
      throw InputError(
        "training.steps, batch-size, accumulation and length make more tokens than can be counted; lower one of them"
      )
    }
    guard warmUpSteps <= training.steps else {
      throw InputError(
        "schedule.warm-up is \(warmUpSteps), more than training.steps, which is \(training.steps)")
    }
    guard schedule.kind != .warmUpStableDecay || schedule.decay <= training.steps - warmUpSteps else {
      throw InputError(
        "schedule.warm-up and schedule.decay are \(warmUpSteps) and \(schedule.decay), "
          + "together more than training.steps, which is \(training.steps)")
    }
    if let name = evaluation.sets.keys.first(where: { $0.contains("/") || $0 == EvaluationSettings.ownSet }) {
      throw InputError(
        "evaluation.sets: '\(name)' cannot be the name of a set; "
          + "choose one without / other than \(EvaluationSettings.ownSet)")
    }
  }
}

extension EvaluationSettings {
  /// The name of the validation part of the training shards.
  public static let ownSet = "validation"
}
