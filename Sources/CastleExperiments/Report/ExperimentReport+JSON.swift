package import CastleFormats

extension ExperimentReport {
  /// The report as JSON: the numbers of the tables, and every result.
  package var json: JSONObject {
    JSONObject([
      ("experiment", .text(summary.experiment.name)), ("question", .text(summary.experiment.question)),
      ("cells", .integer(summary.experiment.cells.count)),
      ("missing", .array(summary.missing.map { .text($0) })),
      (
        "failed",
        .array(
          summary.failures.map {
            .object(JSONObject([("cell", .text($0.cell)), ("error", .text($0.reason))]))
          })
      ),
      ("groups", .array(summary.groups.map { .object(Self.json($0)) })),
      ("differences", .array(summary.differences.map { .object(Self.json($0)) })),
      ("crossings", .array(summary.crossings.map { .object(Self.json($0)) })),
    ])
  }

  private static func json(_ group: ExperimentSummary.Group) -> JSONObject {
    let finished = group.members.map(\.result).filter(\.isFinished)
    let measures = Set(finished.flatMap { $0.finalLosses.keys }).sorted()
    return JSONObject([
      ("name", .text(group.name)), ("condition", .text(group.condition)),
      ("parameters", finished.first?.parameters.map { .integer($0) } ?? .null),
      (
        "losses",
        .object(
          JSONObject(
            measures.map { measure in
              (measure, .object(json(Sample(finished.compactMap { $0.finalLosses[measure] }))))
            }))
      ),
      (
        "scores",
        .object(
          JSONObject(
            Set(finished.flatMap { $0.finalScores.keys }).sorted().map { measure in
              (measure, .object(json(Sample(finished.compactMap { $0.finalScores[measure] }))))
            }))
      ),
      (
        "runs",
        .array(
          group.members.map { member in
            .object(
              JSONObject([
                ("cell", .text(member.result.cell)), ("pair", .text(member.pair)),
                ("finished", .boolean(member.result.isFinished)), ("tokens", .integer(member.result.tokens)),
                ("seconds", .number(member.result.seconds)),
                (
                  "final_losses",
                  .object(
                    JSONObject(
                      member.result.finalLosses.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) }
                    ))
                ),
                (
                  "final_scores",
                  .object(
                    JSONObject(
                      member.result.finalScores.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) }
                    ))
                ),
                (
                  "final_bits_per_byte",
                  .object(
                    JSONObject(
                      member.result.finalBits.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) }))
                ),
                (
                  "validation",
                  .array(
                    member.result.validation.map {
                      .array([.integer($0.tokens), .number($0.seconds), .number($0.loss)])
                    })
                ),
              ]))
          })
      ),
    ])
  }

  private static func json(_ difference: ExperimentSummary.Difference) -> JSONObject {
    JSONObject([
      ("name", .text(difference.name)), ("baseline", .text(difference.baseline)),
      ("condition", .text(difference.condition)), ("measure", .text(difference.measure)),
      ("is_score", .boolean(difference.isScore)),
      ("pairs", .array(difference.pairs.map { .text($0) })),
      ("difference", .object(json(difference.differences))),
    ])
  }

  private static func json(_ crossing: ExperimentSummary.Crossing) -> JSONObject {
    JSONObject([
      ("name", .text(crossing.name)), ("reaches", .text(crossing.baseline)),
      ("condition", .text(crossing.condition)), ("pairs", .integer(crossing.pairCount)),
      ("token_share", .object(json(crossing.tokens))), ("time_share", .object(json(crossing.seconds))),
    ])
  }

  private static func json(_ sample: Sample) -> JSONObject {
    JSONObject([
      ("count", .integer(sample.count)), ("mean", .number(sample.mean)), ("median", .number(sample.median)),
      ("standard_deviation", sample.standardDeviation.map { .number($0) } ?? .null),
      ("half_width_95", sample.halfWidth.map { .number($0) } ?? .null),
      ("values", .array(sample.values.map { .number($0) })),
    ])
  }
}
