import CastleExperiments
import CastleFormats
import CastleReports
import CastleTraining

/// What `castle experiment plan` and `status` print.
enum ExperimentTable {
  /// The runs with what they take.
  static func plan(_ folder: ExperimentFolder, _ estimates: [CellEstimate]) -> String {
    let header = ["", "cell", "parameters", "steps", "tokens", "memory", "time", "state"]
    let rows = estimates.enumerated().map { index, row in
      let fits = row.plan.availableBytes.map { row.plan.memory.toTake <= $0 } ?? true
      return [
        "\(index + 1)", row.cell.name, NumberFormat.grouped(row.plan.parameterCount),
        NumberFormat.grouped(row.plan.steps), NumberFormat.grouped(row.plan.totalTokens),
        NumberFormat.bytes(row.plan.memory.total) + (fits ? "" : ": does not fit"),
        (row.isMeasured ? "" : "≥ ") + NumberFormat.duration(row.seconds), state(row.state),
      ]
    }
    return TextTable.aligned([header] + rows, leftColumns: [1, 7]) + "\n" + summary(folder, estimates)
  }

  /// The runs with how far they are.
  static func status(_ folder: ExperimentFolder, _ estimates: [CellEstimate]) throws -> String {
    let header = ["", "cell", "done", "loss", "left", "state"]
    let rows = try estimates.enumerated().map { index, row in
      let history = try folder.history(row.cell)
      let loss =
        history?.evaluations.values.compactMap { $0.last?.loss }.first ?? history?.training.last?.loss
      return [
        "\(index + 1)", row.cell.name, NumberFormat.fixed(row.share * 100, 0) + " %",
        loss.map { NumberFormat.fixed($0, 4) } ?? "-",
        (row.isMeasured || row.remaining == 0 ? "" : "≥ ") + NumberFormat.duration(row.remaining),
        state(row.state),
      ]
    }
    return TextTable.aligned([header] + rows, leftColumns: [1, 5]) + "\n" + summary(folder, estimates)
  }

  /// Both as JSON.
  static func json(_ folder: ExperimentFolder, _ estimates: [CellEstimate]) -> JSONValue {
    .object([
      "experiment": .string(folder.experiment.name), "output": .string(folder.path),
      "tokens": .integer(estimates.reduce(0) { $0 + $1.plan.totalTokens }),
      "seconds": .number(estimates.reduce(0) { $0 + $1.seconds }),
      "remaining_seconds": .number(estimates.reduce(0) { $0 + $1.remaining }),
      "cells": .list(estimates.map { json($0) }),
    ])
  }

  private static func json(_ row: CellEstimate) -> JSONValue {
    let reason: JSONValue = if case .failed(let reason) = row.state { .string(reason) } else { .null }
    return .object([
      "cell": .string(row.cell.name),
      "values": .object(JSONValue.Members(row.cell.values.map { ($0.axis, .string($0.value)) })),
      "state": .string(word(row.state)), "error": reason, "share": .number(row.share),
      "seconds": .number(row.seconds), "remaining_seconds": .number(row.remaining),
      "is_measured": .bool(row.isMeasured), "parameters": .integer(row.plan.parameterCount),
      "steps": .integer(row.plan.steps), "tokens": .integer(row.plan.totalTokens),
      "memory_bytes": .integer(row.plan.memory.total),
    ])
  }

  private static func summary(_ folder: ExperimentFolder, _ estimates: [CellEstimate]) -> String {
    let tokens = estimates.reduce(0) { $0 + $1.plan.totalTokens }
    let finished = estimates.count { $0.state == .finished }
    let rest = estimates.reduce(0) { $0 + $1.remaining }
    let mark = estimates.allSatisfy { $0.isMeasured || $0.remaining == 0 } ? "" : "at least "
    return
      "\(folder.experiment.name): \(finished) of \(NumberFormat.count(estimates.count, "cell")) finished, "
      + "\(NumberFormat.grouped(tokens)) tokens in all, \(mark)\(NumberFormat.duration(rest)) left"
  }

  private static func word(_ state: ExperimentFolder.CellState) -> String {
    switch state {
    case .missing: "missing"
    case .running: "running"
    case .interrupted: "interrupted"
    case .failed: "failed"
    case .finished: "finished"
    }
  }

  private static func state(_ state: ExperimentFolder.CellState) -> String {
    if case .failed(let reason) = state { return "failed: " + reason }
    return word(state)
  }
}
