import CastleFormats
import Foundation

/// An experiment as its file describes it: runs that differ in known ways, what to measure on them and what
/// to compare.
package struct Experiment: Sendable {
  /// The file.
  package let source: String
  /// The name.
  package let name: String
  /// What is asked, in a sentence.
  package let question: String
  /// What varies, the slowest first.
  package let axes: [ExperimentAxis]
  /// All runs, in the order in which they are to be done.
  package let cells: [ExperimentCell]
  /// The texts that finished models are measured on.
  package let scores: [TextScore]
  /// The tasks that finished models are measured on.
  package let tasks: [TaskMeasurement]
  /// What is compared with what.
  package let comparison: Comparison?

  /// A text to measure finished models on.
  package struct TextScore: Sendable, Hashable {
    /// The name under which the score is reported.
    package let name: String
    /// A folder made by `castle prepare`, a shard or a text file; may hold `${key}`.
    let data: String
    /// The tokens of a sequence; nil for those of training.
    package let length: Int?
    /// The number of tokens read; 0 for all.
    package let tokens: Int
  }

  /// Questions to ask finished models.
  package struct TaskMeasurement: Sendable, Hashable {
    /// The name under which the score is reported.
    package let name: String
    /// A task file, or a folder of them; may hold `${key}`.
    let data: String
    /// The number of examples before each question.
    package let shots: Int
    /// What chooses them.
    let seed: UInt64
    /// The task file that they are drawn from; nil: that of the question.
    let examples: String?
  }

  /// Which values of an axis are measured against which.
  package struct Comparison: Sendable, Hashable {
    /// The axis, such as `mechanism`.
    package let axis: String
    /// The value that the others are measured against.
    package let baseline: String
    /// The axis along which runs are paired, such as `seed`.
    package let pair: String
    /// The axis of models of different size; nil if there is one size.
    package let scale: String?
  }

  static let keys = [
    "name", "question", "recipe", "base", "axes", "include", "exclude", "cells", "evaluate", "compare",
  ]

  /// Reads the file at `path`.
  ///
  /// - Throws: ``InputError`` with the line of what is wrong.
  package init(path: String) throws {
    let bytes = try MappedFile(path: path).withBytes { Array($0) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InputError("\(path) is not UTF-8 text")
    }
    try self.init(yaml: text, source: path)
  }

  /// Reads `yaml`; `source` is its file, beside which a recipe is looked for.
  package init(yaml: String, source: String) throws {
    let top = try ExperimentNode(text: yaml, source: source)
    let members = try top.members(among: Self.keys)
    self.source = source
    guard let name = try members["name"]?.text() else { throw top.error("has no name") }
    guard CellName.isValid(name) else {
      throw top.error("is called '\(name)'; a name has letters, digits and . _ + - = only")
    }
    self.name = name
    question = try members["question"]?.text() ?? ""
    let axes = try members["axes"].map { try $0.members().map { try ExperimentAxis($0.key, $0.value) } } ?? []
    self.axes = axes
    cells = try CellList(members, axes: axes, source: source).cells
    guard !cells.isEmpty else {
      throw top.error("has no cells: name axes with values, or cells, and leave some of them")
    }
    let measured = try members["evaluate"]?.members(among: ["texts", "tasks"])
    scores = try Self.scores(measured?["texts"])
    tasks = try Self.tasks(measured?["tasks"])
    comparison = try members["compare"].map { try Comparison($0, axes: axes) }
  }

  /// The cell of that number, counted from 1, or of that name.
  ///
  /// - Throws: ``InputError`` if there is none.
  package func cell(_ text: String) throws -> ExperimentCell {
    if let cell = cells.first(where: { $0.name == text }) { return cell }
    if let number = Int(text), cells.indices.contains(number - 1) { return cells[number - 1] }
    throw InputError(
      "\(source) has no cell '\(text)': name one of its \(cells.count) cells, "
        + "or a number from 1 to \(cells.count)"
    )
  }

  private static func tasks(_ yaml: ExperimentNode?) throws -> [TaskMeasurement] {
    try yaml?.members().map { name, value in
      guard value.isMapping else {
        return TaskMeasurement(name: name, data: try value.text(), shots: 0, seed: 1, examples: nil)
      }
      let members = try value.members(among: ["data", "shots", "seed", "examples"])
      guard let data = try members["data"]?.text() else { throw value.error("has no data") }
      return TaskMeasurement(
        name: name, data: data, shots: try members["shots"]?.count(within: 0...1000) ?? 0,
        seed: UInt64(try members["seed"]?.count(within: 0...Int.max) ?? 1),
        examples: try members["examples"]?.text())
    } ?? []
  }

  private static func scores(_ yaml: ExperimentNode?) throws -> [TextScore] {
    guard let texts = yaml else { return [] }
    return try texts.members().map { name, value in
      guard value.isMapping else {
        return TextScore(name: name, data: try value.text(), length: nil, tokens: 0)
      }
      let members = try value.members(among: ["data", "length", "tokens"])
      guard let data = try members["data"]?.text() else { throw value.error("has no data") }
      return TextScore(
        name: name, data: data, length: try members["length"]?.count(within: 2...1_048_576),
        tokens: try members["tokens"]?.count(within: 0...Int.max) ?? 0)
    }
  }
}

extension Experiment.Comparison {
  fileprivate init(_ yaml: ExperimentNode, axes: [ExperimentAxis]) throws {
    let members = try yaml.members(among: ["axis", "baseline", "pair", "scale"])
    func axis(_ key: String) throws -> ExperimentAxis? {
      guard let value = members[key] else { return nil }
      let name = try value.text()
      guard let axis = axes.first(where: { $0.name == name }) else {
        throw value.error(
          "is '\(name)', which is no axis; there are \(axes.map(\.name).joined(separator: ", "))")
      }
      return axis
    }
    guard let compared = try axis("axis"), let pair = try axis("pair"), let baseline = members["baseline"]
    else { throw yaml.error("needs axis, baseline and pair") }
    let value = try baseline.text()
    guard compared.values.contains(where: { $0.name == value }) else {
      throw baseline.error(
        "is '\(value)', which is no value of \(compared.name); there are "
          + "\(compared.values.map(\.name).joined(separator: ", "))")
    }
    let scale = try axis("scale")
    guard Set([compared.name, pair.name, scale?.name ?? ""]).count == 3 else {
      throw yaml.error("names one axis twice")
    }
    self.init(axis: compared.name, baseline: value, pair: pair.name, scale: scale?.name)
  }
}
