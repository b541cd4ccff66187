import CastleTraining

/// Whether two runs are the same experiment.
enum CellIdentity {
  /// A setting with two values.
  struct Difference {
    let setting: String
    let planned: String
    let present: String
  }

  /// What may differ: where things lie, and what leaves the numbers alone.
  private static let free = ["output", "data.shards", "checkpoints.", "samples.", "training.check-memory"]

  /// The first setting in which a run with the settings `present` is not the planned one.
  ///
  /// The text itself is compared by its hash when a run is resumed. Settings that `present` does not have are those of a later
  /// version. A warm-up that is not planned follows from the length of the run.
  static func difference(_ planned: TrainingConfiguration, _ present: [String: String]) -> Difference? {
    let free = free + (planned.schedule.warmUp == nil ? ["schedule.warm-up"] : [])
    for entry in planned.entries {
      guard !free.contains(where: { entry.path == $0 || ($0.hasSuffix(".") && entry.path.hasPrefix($0)) }),
        let value = present[entry.path], value != entry.value
      else { continue }
      return Difference(setting: entry.path, planned: entry.value, present: value)
    }
    return nil
  }
}

extension TrainingConfiguration {
  /// Every setting with its value.
  var settingValues: [String: String] {
    Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0.value) })
  }
}
