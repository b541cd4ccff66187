package import CastleFormats

extension ExperimentReport {
  /// The report as JSON: the numbers of the tables, and every result.
  package var json: JSONValue {
    .object([
      "experiment": .string(summary.experiment.name), "question": .string(summary.experiment.question),
      "cells": .integer(summary.experiment.cells.count),
      "missing": .list(summary.missing.map { .string($0) }),
      "failed": .list(
        summary.failures.map { .object(["cell": .string($0.cell), "error": .string($0.reason)]) }),
      "groups": .list(summary.groups.map { Self.json($0) }),
      "differences": .list(summary.differences.map { Self.json($0) }),
      "crossings": .list(summary.crossings.map { Self.json($0) }),
    ])
  }

  private static func json(_ group: ExperimentSummary.Group) -> JSONValue {
    let finished = group.members.map(\.result).filter(\.isFinished)
    let measures = Set(finished.flatMap { $0.finalLosses.keys }).sorted()
    return .object([
      "name": .string(group.name), "condition": .string(group.condition),
      "parameters": finished.first?.parameters.map { .integer($0) } ?? .null,
      "losses": .object(
        JSONValue.Members(
          measures.map { measure in
            (measure, json(SeedStatistics(finished.compactMap { $0.finalLosses[measure] })))
          }
        )),
      "scores": .object(
        JSONValue.Members(
          Set(finished.flatMap { $0.finalScores.keys }).sorted().map { measure in
            (measure, json(SeedStatistics(finished.compactMap { $0.finalScores[measure] })))
          }
        )),
      "runs": .list(
        group.members.map { member in
          .object(
            [
              "cell": .string(member.result.cell), "pair": .string(member.pair),
              "finished": .bool(member.result.isFinished), "tokens": .integer(member.result.tokens),
              "seconds": .number(member.result.seconds),
              "final_losses": .object(
                JSONValue.Members(
                  member.result.finalLosses.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) })),
              "final_scores": .object(
                JSONValue.Members(
                  member.result.finalScores.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) })),
              "final_bits_per_byte": .object(
                JSONValue.Members(
                  member.result.finalBits.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) })),
              "validation": .list(
                member.result.validation.map {
                  .list([.integer($0.tokens), .number($0.seconds), .number($0.loss)])
                }),
            ])
        }),
    ])
  }

  private static func json(_ difference: ExperimentSummary.Difference) -> JSONValue {
    .object([
      "name": .string(difference.name), "baseline": .string(difference.baseline),
      "condition": .string(difference.condition), "measure": .string(difference.measure),
      "is_score": .bool(difference.isScore),
      "pairs": .list(difference.pairs.map { .string($0) }), "difference": json(difference.differences),
    ])
  }

  private static func json(_ crossing: ExperimentSummary.Crossing) -> JSONValue {
    .object([
      "name": .string(crossing.name), "reaches": .string(crossing.baseline),
      "condition": .string(crossing.condition), "pairs": .integer(crossing.pairCount),
      "token_share": json(crossing.tokens), "time_share": json(crossing.seconds),
    ])
  }

  private static func json(_ sample: SeedStatistics) -> JSONValue {
    .object([
      "count": .integer(sample.count), "mean": .number(sample.mean), "median": .number(sample.median),
      "standard_deviation": sample.standardDeviation.map { .number($0) } ?? .null,
      "half_width_95": sample.intervalHalfWidth.map { .number($0) } ?? .null,
      "values": .list(sample.values.map { .number($0) }),
    ])
  }
}
