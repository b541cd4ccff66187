import Foundation

/// What the results of an experiment say, so far.
package struct ExperimentSummary: Sendable {
  /// Cells that differ only along the axis on which they are paired: several runs of one thing.
  package struct Group: Sendable {
    /// The value on the compared axis, or the name of the cell where nothing is compared.
    package let name: String
    /// The values on the other axes, such as the size of the model.
    package let condition: String
    /// The results with their value on the pairing axis.
    package let members: [Member]
  }

  /// A result.
  package struct Member: Sendable {
    package let pair: String
    package let result: CellResult
  }

  /// The difference between the groups of a condition and its baseline, pair by pair.
  package struct Difference: Sendable {
    package let condition: String
    package let name: String
    package let baseline: String
    /// What was measured.
    package let measure: String
    /// Whether it is a share of right answers, of which more is better, and not a loss.
    package let isScore: Bool
    /// The pairs.
    package let pairs: [String]
    /// For every pair, how much higher the value is than the baseline's.
    package let differences: SeedStatistics
  }

  /// How early one mechanism reaches what another ends with.
  package struct Crossing: Sendable {
    package let condition: String
    package let name: String
    package let baseline: String
    /// The part of the baseline's tokens after which its final loss is reached, for every pair that reaches
    /// it.
    package let tokens: SeedStatistics
    /// The same of its seconds.
    package let seconds: SeedStatistics
    /// The number of pairs.
    package let pairCount: Int
  }

  /// The experiment.
  package let experiment: Experiment
  /// The groups with at least one result, in the order of the experiment.
  package let groups: [Group]
  /// The results of cells that are not finished.
  package let unfinished: [CellResult]
  /// The cells of which there is nothing.
  package let missing: [String]
  /// Cells that failed, with the reason.
  package let failures: [(cell: String, reason: String)]

  /// Groups `results`.
  package init(
    _ experiment: Experiment, results: [CellResult], failures: [(cell: String, reason: String)]
  ) {
    self.experiment = experiment
    self.failures = failures
    unfinished = results.filter { !$0.isFinished }
    let present = Set(results.map(\.cell))
    missing = experiment.cells.map(\.name).filter { !present.contains($0) }
    let byName = Dictionary(results.map { ($0.cell, $0) }) { first, _ in first }
    var order: [Key] = []
    var members: [Key: [Member]] = [:]
    for cell in experiment.cells {
      guard let result = byName[cell.name] else { continue }
      let key = Key(cell, experiment.comparison)
      if members[key] == nil { order.append(key) }
      let pair = experiment.comparison.flatMap { cell.value(on: $0.pair) } ?? ""
      members[key, default: []].append(Member(pair: pair, result: result))
    }
    groups = order.map { Group(name: $0.name, condition: $0.condition, members: members[$0] ?? []) }
  }

  private struct Key: Hashable {
    let name: String
    let condition: String

    init(_ cell: ExperimentCell, _ comparison: Experiment.Comparison?) {
      guard let comparison, let value = cell.value(on: comparison.axis) else {
        name = cell.name
        condition = ""
        return
      }
      name = value
      condition = cell.values.filter { $0.axis != comparison.axis && $0.axis != comparison.pair }
        .map { "\($0.axis.split(separator: ".").last ?? "") \($0.value)" }.joined(separator: ", ")
    }
  }

  /// Whether the runs were on probes, which have right answers, and not on text.
  package var isOfProbes: Bool { groups.contains { $0.members.contains(where: \.result.isProbe) } }

  /// The conditions, in the order of the experiment.
  package var conditions: [String] {
    groups.map(\.condition).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// The measures that some finished cell has, the validation text first: "validation" or the name of a
  /// scored text.
  package var measures: [String] {
    let finished = groups.flatMap(\.members).map(\.result).filter(\.isFinished)
    let names = Set(finished.flatMap { $0.finalLosses.keys })
    return names.sorted { ($0 == "validation" ? "" : $0) < ($1 == "validation" ? "" : $1) }
  }

  /// The shares of right answers that some finished cell has, those of probes first.
  package var scoreMeasures: [String] {
    let finished = groups.flatMap(\.members).map(\.result).filter(\.isFinished)
    let names = Set(finished.flatMap { $0.finalScores.keys })
    return names.sorted {
      ($0 == CellResult.ownAccuracy ? "" : $0) < ($1 == CellResult.ownAccuracy ? "" : $1)
    }
  }

  /// The differences from the baseline in every condition, for every measure.
  package var differences: [Difference] {
    compared { group, baseline in
      measures.compactMap { Self.difference(group, baseline, $0, isScore: false) }
        + scoreMeasures.compactMap { Self.difference(group, baseline, $0, isScore: true) }
    }
  }

  private static func difference(
    _ group: Group, _ baseline: Group, _ measure: String, isScore: Bool
  ) -> Difference? {
    func value(_ result: CellResult) -> Double? {
      isScore ? result.finalScores[measure] : result.finalLosses[measure]
    }
    let pairs = pairs(group, baseline) { $0.isFinished && value($0) != nil }
    guard !pairs.isEmpty else { return nil }
    return Difference(
      condition: group.condition, name: group.name, baseline: baseline.name, measure: measure,
      isScore: isScore, pairs: pairs.map(\.pair),
      differences: SeedStatistics(pairs.map { (value($0.own) ?? .nan) - (value($0.base) ?? .nan) }))
  }

  /// How early each group reaches the baseline's final loss on the validation text, and the baseline each
  /// group's.
  package var crossings: [Crossing] {
    compared { group, baseline in
      [Self.crossing(group, reaching: baseline), Self.crossing(baseline, reaching: group)].compactMap { $0 }
    }
  }

  private func compared<Row>(_ rows: (_ group: Group, _ baseline: Group) -> [Row]) -> [Row] {
    guard let comparison = experiment.comparison else { return [] }
    return groups.filter { $0.name != comparison.baseline }.flatMap { group in
      groups.first { $0.name == comparison.baseline && $0.condition == group.condition }.map {
        rows(group, $0)
      } ?? []
    }
  }

  private static func pairs(
    _ group: Group, _ baseline: Group, where isUsable: (CellResult) -> Bool
  ) -> [(pair: String, own: CellResult, base: CellResult)] {
    group.members.compactMap { member in
      guard let base = baseline.members.first(where: { $0.pair == member.pair })?.result,
        isUsable(member.result), isUsable(base)
      else { return nil }
      return (member.pair, member.result, base)
    }
  }

  private static func crossing(_ group: Group, reaching baseline: Group) -> Crossing? {
    let pairs = pairs(group, baseline) { $0.isFinished && $0.validation.count > 1 && !$0.isProbe }
    guard !pairs.isEmpty else { return nil }
    let places = pairs.compactMap { _, own, base -> (tokens: Double, seconds: Double)? in
      guard let end = base.validation.last, let place = own.firstPlace(atOrBelow: end.loss) else {
        return nil
      }
      return (place.tokens / Double(end.tokens), place.seconds / end.seconds)
    }
    return Crossing(
      condition: group.condition, name: group.name, baseline: baseline.name,
      tokens: SeedStatistics(places.map(\.tokens)),
      seconds: SeedStatistics(places.map(\.seconds)), pairCount: pairs.count)
  }
}

extension CellResult {
  /// The losses on the run's own validation text, or on its first set if it has none.
  package var validation: [Point] {
    evaluations["validation"] ?? evaluations.sorted { $0.key < $1.key }.first?.value ?? []
  }

  /// The name of a probe's accuracy among the scores.
  static let ownAccuracy = "accuracy"

  /// Whether the run was on a probe, which has right answers.
  package var isProbe: Bool { validation.contains { $0.accuracy != nil } }

  /// The last share of right answers of every set of a probe, and those of tasks.
  package var finalScores: [String: Double] {
    var scores: [String: Double] = [:]
    for (set, points) in evaluations {
      guard let accuracy = points.last?.accuracy else { continue }
      scores[set == "validation" ? Self.ownAccuracy : "\(set) accuracy"] = accuracy
    }
    for (name, task) in tasks ?? [:] {
      let title = task.shots > 0 ? "\(name), \(task.shots)-shot" : name
      scores["\(title) acc"] = task.accuracy
      scores["\(title) acc_norm"] = task.normalizedAccuracy
    }
    return scores
  }

  /// The last loss on every text.
  package var finalLosses: [String: Double] {
    evaluations.compactMapValues { $0.last?.loss }.merging(scores.mapValues(\.loss)) { $1 }
  }

  /// The last bits per byte on every text.
  package var finalBits: [String: Double] {
    evaluations.compactMapValues { $0.last?.bitsPerByte }.merging(scores.compactMapValues(\.bitsPerByte)) {
      $1
    }
  }

  /// Where the validation loss first falls to `loss`, on a straight line between evaluations; nil if it never
  /// does.
  package func firstPlace(atOrBelow loss: Double) -> (tokens: Double, seconds: Double)? {
    guard let index = validation.firstIndex(where: { $0.loss <= loss }) else { return nil }
    let end = validation[index]
    guard index > 0 else { return (Double(end.tokens), end.seconds) }
    let start = validation[index - 1]
    let share = (start.loss - loss) / (start.loss - end.loss)
    return (
      Double(start.tokens) + share * Double(end.tokens - start.tokens),
      start.seconds + share * (end.seconds - start.seconds)
    )
  }
}
