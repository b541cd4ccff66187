import CastleTraining

/// Whether two runs are the same experiment.
enum CellIdentity {
  /// A setting with two values.
  struct Difference {
    let setting: String
    let planned: String
    let present: String
  }

  /// What may differ: where things are, and what leaves the numbers alone.
  private static let free = ["output", "data.shards", "checkpoints.", "samples.", "training.check-memory"]

  /// The first setting in which a run with the settings `present` is not the planned one.
  ///
  /// The text itself is compared by its hash when a run is resumed. Settings that `present` does not have are
  /// those of a later version. A warm-up that is not planned follows from the length of the run.
  static func difference(
    _ planned: TrainingConfiguration, _ present: [String: String], texts: [String: String]
  ) -> Difference? {
    let free = free + (planned.schedule.warmUp == nil ? ["schedule.warm-up"] : [])
    let planned = planned.portableValues(texts: texts)
    for (path, value) in planned.sorted(by: { $0.key < $1.key }) {
      guard !free.contains(where: { path == $0 || ($0.hasSuffix(".") && path.hasPrefix($0)) }),
        let before = present[path], before != value
      else { continue }
      return Difference(setting: path, planned: value, present: before)
    }
    return nil
  }
}

extension TrainingConfiguration {
  /// Every setting but the run's folder with its value, in which the folders of `texts` are written `${key}`:
  /// what does not depend on where things are.
  func portableValues(texts: [String: String]) -> [String: String] {
    let folders = texts.filter { !$0.value.isEmpty }.sorted { $0.value.count > $1.value.count }
    let values = entries.filter { $0.path != "output" }.map { entry in
      (entry.path, folders.reduce(entry.value) { $0.replacing($1.value, with: "${\($1.key)}") })
    }
    return Dictionary(uniqueKeysWithValues: values)
  }
}
