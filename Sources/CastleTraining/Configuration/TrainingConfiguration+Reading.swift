import CastleFormats
import Foundation
import Yams

extension TrainingConfiguration {
  /// Reads the YAML file at `path` and applies `overrides`, each `key=value` as in `training.steps=500`.
  ///
  /// - Throws: ``InputError`` that names the file, the line, the key and what would be right.
  public init(path: String, overrides: [String] = []) throws {
    let bytes = try MappedFile(path: path).withBytes { Array($0) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InputError(subject: "\(path)", problem: "is not UTF-8 text")
    }
    try self.init(yaml: text, source: path, overrides: overrides)
  }

  /// As ``init(path:overrides:)`` from text; `source` names it in errors.
  public init(yaml: String, source: String, overrides: [String] = []) throws {
    self.init()
    if let node = try Self.parse(yaml, source: ErrorText(source)) {
      try apply(node, at: SettingPath(source: ErrorText(source), isFile: true))
    }
    for override in overrides { try apply(override: override) }
    try checkTogether()
  }

  /// The configuration as YAML, every key included.
  public func yaml() throws -> String {
    try Yams.serialize(node: node, width: -1)
  }

  private mutating func apply(override: String) throws {
    let source = ErrorText(.givenSetting(override))
    let parts = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw InputError(
        subject: source, problem: ": expected key=value, as in \(.setting("training.steps", "500"))")
    }
    let value = try Self.overridingValue(String(parts[1]), source: source)
    let keys = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if keys.count == 2, keys[0] == "training", StepSettings.lengthKeys.contains(keys[1]) {
      // The length of the run is said anew.
      (training.steps, training.tokens, training.epochs) = (nil, nil, nil)
    }
    let node = keys.reversed().reduce(value) { inner, key in Node([(Node(key), inner)]) }
    try apply(node, at: SettingPath(source: source, isFile: false))
  }

  /// The value of an override. Lists, groups and what is in quotes are YAML; anything else is a text as it
  /// stands, also where YAML would begin a comment or something else of its own.
  private static func overridingValue(_ text: String, source: ErrorText) throws -> Node {
    let text = text.trimmingCharacters(in: .whitespaces)
    let isQuoted = text.first.map("[{'\"".contains) ?? false
    guard isQuoted || (try? Yams.compose(yaml: text))?.mapping != nil else { return Node(text) }
    let value = try parse(text, source: source) ?? Node(text)
    // A comment would swallow the second item.
    guard !text.contains("#") || (try? Yams.compose(yaml: "[\(text) ,x\n]"))?.sequence?.count == 2 else {
      throw InputError(
        subject: source, problem: ": what comes after # would be lost as a comment",
        remedy: "put it in quotes")
    }
    return value
  }

  private static func parse(_ yaml: String, source: ErrorText) throws -> Node? {
    do {
      return try Yams.compose(yaml: yaml)
    } catch YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
      YamlError.composer(_, let problem, let mark, _)
    {
      throw InputError(
        subject: "\(source):\(mark.line):\(mark.column)", problem: ": not valid YAML: \(problem)")
    } catch {
      let text = String(describing: error).split(separator: "\n").joined(separator: " ")
      throw InputError(subject: source, problem: ": not valid YAML: \(text)")
    }
  }

  /// Checks what depends on several keys.
  private mutating func checkTogether() throws {
    guard !output.isEmpty else {
      throw InputError(
        subject: "output", problem: "is not set",
        remedy: "name a folder for the run, as in \(.setting("output", "runs/first"))")
    }
    if data.probe.kind == nil { try checkData() } else { try takeInProbe() }
    let lengths = zip(
      StepSettings.lengthKeys, [training.steps != nil, training.tokens != nil, training.epochs != nil])
    let given = lengths.filter(\.1).map(\.0)
    guard given.count < 2 else {
      throw InputError(
        subject: "training.\(given[0]) and training.\(given[1])", problem: "are both set",
        remedy: "keep one of them")
    }
    if let steps { try check(steps: steps) }
    try checkEvaluation()
  }

  /// The sequences of a probe have the length that it says.
  private mutating func takeInProbe() throws {
    let unused = [
      ("data.shards", !data.shards.isEmpty), ("data.mixture", !data.mixture.isEmpty),
      ("evaluation.sets", !evaluation.sets.isEmpty), ("samples.every", samples.every > 0),
      ("model.initial", model.initial != nil), ("model.from-causal", model.fromCausal != nil),
    ]
    if let key = unused.first(where: \.1)?.0 {
      throw InputError(
        subject: "\(key)", problem: "is set beside data.probe, which is no text", remedy: "keep one of them")
    }
    let source = try ProbeSource(data.probe, seed: seed)
    guard training.epochs == nil || source.sequenceCount > 0 else {
      throw InputError(
        subject: "training.epochs", problem: "is set, but the sequences of data.probe never end",
        remedy: "set training.steps, or data.probe.sequences")
    }
    guard evaluation.tokens > 0 else {
      throw InputError(
        subject: "evaluation.tokens", problem: "is 0, but the sequences of data.probe never end",
        remedy: "say how many tokens are to be scored")
    }
    guard [StepSettings.defaultSequenceLength, source.length].contains(training.sequenceLength) else {
      throw InputError(
        subject: "training.sequence-length",
        problem:
          "is \(training.sequenceLength), but the sequences of data.probe have \(source.length) tokens",
        remedy: "leave it out; the sizes under data.probe decide")
    }
    training.sequenceLength = source.length
  }

  private func checkData() throws {
    let sizes = data.probe.entries(under: "data.probe").first { $0.value != "null" }
    if let sizes {
      throw InputError(
        subject: "\(sizes.path)", problem: "is set, but data.probe.kind is not",
        remedy: "name the task, or leave it out")
    }
    guard !data.shards.isEmpty || !data.mixture.isEmpty else {
      throw InputError(
        subject: "data.shards", problem: "is not set",
        remedy: "name a folder made by castle prepare, as in \(.setting("data.shards", "data/books"))")
    }
    guard data.shards.isEmpty || data.mixture.isEmpty else {
      throw InputError(
        subject: "data.shards and data.mixture", problem: "are both set", remedy: "keep one of them")
    }
    for (name, text) in data.mixture.sorted(by: { $0.key < $1.key }) {
      guard !text.shards.isEmpty else {
        throw InputError(
          subject: "data.mixture.\(name).shards", problem: "is not set",
          remedy: "name a folder made by castle prepare")
      }
      try Self.check(name: name, of: "data.mixture")
    }
  }

  private func checkEvaluation() throws {
    for name in evaluation.sets.keys.sorted() {
      try Self.check(name: name, of: "evaluation.sets")
      guard data.mixture[name] == nil else {
        throw InputError(
          subject: "evaluation.sets", problem: ": '\(name)' is the name of a text of data.mixture",
          remedy: "choose another")
      }
    }
    guard evaluation.patience == 0 || evaluation.every > 0 else {
      throw InputError(
        subject: "evaluation.patience", problem: "is \(evaluation.patience), but evaluation.every is 0",
        remedy: "say how many steps to take between evaluations")
    }
  }

  private static func check(name: String, of key: String) throws {
    guard name.isEmpty || name.contains("/") || name == EvaluationSettings.ownSet else { return }
    throw InputError(
      subject: "\(key)",
      problem: ": '\(name)' cannot be the name of a \(key == "data.mixture" ? "text" : "set")",
      remedy: "choose one without / other than \(EvaluationSettings.ownSet)")
  }
}
