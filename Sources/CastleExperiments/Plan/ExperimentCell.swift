import CastleFormats
package import CastleTraining
import Foundation

/// One training run of an experiment.
package struct ExperimentCell: Sendable, Hashable {
  /// The name, also that of the run's folder.
  package let name: String
  /// Axis and value, in the order of the axes.
  package let values: [AxisValue]
  let recipe: String?
  let settings: [SettingOverride]
  /// The checkpoint of another cell at which the run begins; nil: with random weights.
  package internal(set) var branch: CellBranch?

  /// A value on an axis.
  package struct AxisValue: Sendable, Hashable {
    /// The name of the axis.
    package let axis: String
    /// The name of the value.
    package let value: String
  }

  /// The value on `axis`; nil where the cell has none.
  package func value(on axis: String) -> String? { values.first { $0.axis == axis }?.value }

  /// The settings of the run in the folder `output`, with the prepared texts `texts`.
  ///
  /// - Throws: ``InputError`` if a setting is wrong or a text is not named.
  package func configuration(output: String, texts: [String: String]) throws -> TrainingConfiguration {
    let overrides = try settings.map { try $0.filled(from: texts).assignment }
    do {
      let folder = "output=" + SettingOverride.quoted(output)
      return try recipe.map { try TrainingConfiguration(path: $0, overrides: overrides + [folder]) }
        ?? TrainingConfiguration(yaml: "", source: "the experiment", overrides: overrides + [folder])
    } catch let error as InputError {
      throw error.replacingTerms(Self.plain).within("cell \(name)")
    }
  }

  /// Settings are spelled as in the experiment's file, where no interface has an option for them.
  private static func plain(_ term: ErrorText.Term) -> ErrorText.Term {
    switch term {
    case .setting, .givenSetting: .key(term.description)
    default: term
    }
  }
}
