import CastleEvaluation
import CastleFormats

/// The results of tasks as a table and as JSON, with the names that the lm-eval harness gives to the numbers.
enum TaskReport {
  /// The results as JSON.
  static func json(_ groups: [TaskGroupResult], examples: TaskExamples) -> JSONValue {
    .object([
      "shots": .integer(examples.count),
      "seed": examples.count > 0 ? .integer(Int(truncatingIfNeeded: examples.seed)) : .null,
      "tasks": .list(groups.flatMap(\.sets).map { json($0) }),
      "groups": .list(groups.filter(\.isFolder).map { json($0) }),
    ])
  }

  private static func json(_ set: TaskResult) -> JSONValue {
    .object(
      [
        "name": .string(set.name), "path": .string(set.path), "kind": .string(set.kind.rawValue),
        "items": .integer(set.items), "cut_items": .integer(set.cutItems),
      ] + set.accuracy.members("acc") + (set.normalizedAccuracy?.members("acc_norm") ?? [:])
        + (set.perplexity?.members("perplexity") ?? [:]))
  }

  private static func json(_ group: TaskGroupResult) -> JSONValue {
    .object(
      [
        "name": .string(group.name), "path": .string(group.path), "sets": .integer(group.sets.count),
        "items": .integer(group.sets.reduce(0) { $0 + $1.items }),
      ] + group.accuracy.members("acc") + (group.normalizedAccuracy?.members("acc_norm") ?? [:]))
  }

  /// The results as a table: one row for each set, and one for each folder.
  static func text(_ groups: [TaskGroupResult]) -> String {
    let sets = groups.flatMap(\.sets)
    let hasNormalized = sets.contains { $0.normalizedAccuracy != nil }
    let hasPerplexity = sets.contains { $0.perplexity != nil }
    func row(_ name: String, _ items: Int, _ estimates: [MeanEstimate?]) -> [String] {
      let shown = [true, hasNormalized, hasPerplexity]
      return [name, NumberFormat.grouped(items)]
        + zip(estimates, shown).filter(\.1).map { $0.0?.text ?? "" }
    }
    let names = ["acc", "acc_norm", "perplexity"]
    var rows = [
      ["task", "items"] + zip(names, [true, hasNormalized, hasPerplexity]).filter(\.1).map(\.0)
    ]
    for group in groups {
      rows += group.sets.map { row($0.name, $0.items, [$0.accuracy, $0.normalizedAccuracy, $0.perplexity]) }
      guard group.isFolder else { continue }
      rows.append(
        row(
          "\(group.name): mean of \(NumberFormat.count(group.sets.count, "set"))",
          group.sets.reduce(0) { $0 + $1.items }, [group.accuracy, group.normalizedAccuracy, nil]))
    }
    return table(rows)
  }

  /// Columns that are as wide as they must be, the first one on the left and the others on the right.
  private static func table(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).enumerated().map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return column == 0 ? cell.0 + space : space + cell.0
      }.joined(separator: "  ").trimmingTrailingSpaces
    }.joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    String(self[..<(lastIndex { $0 != " " }.map { index(after: $0) } ?? startIndex)])
  }
}
