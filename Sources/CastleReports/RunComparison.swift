package import CastleFormats
import Foundation

/// Several runs side by side: a table of final losses and the curves.
public struct RunComparison: Sendable {
  /// A row of the table.
  public struct Row: Sendable, Hashable {
    /// The folder of the run.
    public var run: String
    /// The number of steps done.
    public var steps: Int
    /// The number of tokens trained on.
    public var tokens: Int
    /// The seconds of work.
    public var seconds: Double
    /// The mean loss of the last steps.
    public var trainingLoss: Double
    /// The last loss on each set.
    public var evaluationLosses: [String: Double]
    /// How much higher each of these is than the first run's.
    public var differences: [String: Double]
  }

  /// A folder that was to be compared and is not.
  public struct LeftOut: Sendable, Hashable {
    /// The folder.
    public var run: String
    /// Why it cannot be compared.
    public var reason: String

    /// Bundles both.
    public init(run: String, reason: String) {
      self.run = run
      self.reason = reason
    }
  }

  /// The runs, in the order given.
  public let runs: [RunHistory]
  /// What could not be compared.
  public let leftOut: [LeftOut]

  /// Compares `runs`; the first is what the others are measured against.
  public init(runs: [RunHistory], leftOut: [LeftOut] = []) {
    self.runs = runs
    self.leftOut = leftOut
  }

  /// The names of all sets that some run was evaluated on.
  public var sets: [String] {
    Set(runs.flatMap { $0.evaluations.keys }).sorted()
  }

  /// The table.
  public var rows: [Row] {
    runs.map { run in
      let losses = run.evaluations.compactMapValues { $0.last?.loss }
      let reference = runs[0].evaluations.compactMapValues { $0.last?.loss }
      let recent = run.steps.suffix(20)
      return Row(
        run: run.folder, steps: run.lastStep, tokens: run.steps.last?.tokens ?? 0,
        seconds: run.steps.last?.seconds ?? 0,
        trainingLoss: recent.reduce(0) { $0 + $1.loss } / Double(recent.count),
        evaluationLosses: losses,
        differences: losses.reduce(into: [:]) { result, entry in
          if let base = reference[entry.key] { result[entry.key] = entry.value - base }
        })
    }
  }

  /// The table as text.
  public var table: String { TextTable.aligned([header] + cells, leftColumns: [0]) }

  /// The names of the table's columns.
  var header: [String] {
    ["run", "steps", "tokens", "time", "tokens/s", "train"] + sets.flatMap { [$0, "difference"] }
  }

  /// The table's cells, a row for each run.
  var cells: [[String]] {
    rows.map { row in
      let speed = row.seconds > 0 ? NumberFormat.grouped(Int(Double(row.tokens) / row.seconds)) : "-"
      let losses = sets.flatMap { set in
        [
          row.evaluationLosses[set].map { NumberFormat.fixed($0, 4) } ?? "-",
          row.differences[set].map { ($0 > 0 ? "+" : "") + NumberFormat.fixed($0, 4) } ?? "-",
        ]
      }
      return [
        row.run, NumberFormat.grouped(row.steps), NumberFormat.grouped(row.tokens),
        NumberFormat.duration(row.seconds), speed, NumberFormat.fixed(row.trainingLoss, 4),
      ] + losses
    }
  }

  /// The table as JSON.
  package var json: JSONValue {
    func object(_ values: [String: Double]) -> JSONValue {
      .object(JSONValue.Members(values.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) }))
    }
    return .object([
      "runs": .list(
        rows.map { row in
          .object(
            [
              "run": .string(row.run), "steps": .integer(row.steps), "tokens": .integer(row.tokens),
              "seconds": .number(row.seconds), "training_loss": .number(row.trainingLoss),
              "evaluation_losses": object(row.evaluationLosses), "differences": object(row.differences),
            ])
        }),
      "left_out": .list(leftOut.map { .object(["run": .string($0.run), "error": .string($0.reason)]) }),
    ])
  }
}
