import CastleFormats

/// What an experiment varies, such as the mechanism or the seed.
package struct ExperimentAxis: Sendable, Hashable {
  /// A value of the axis: a name with the settings that make it.
  package struct Value: Sendable, Hashable {
    /// The name in tables and pictures.
    package let name: String
    let settings: [SettingOverride]
    /// The part of a cell's name.
    let label: String
  }

  /// The name of the axis.
  package let name: String
  /// The values, in the order of the file.
  package let values: [Value]

  /// Reads `axes.NAME`: names with settings each, or a list of values of the setting NAME.
  init(_ name: String, _ yaml: ExperimentNode) throws {
    self.name = name
    if yaml.isMapping {
      values = try yaml.members().map { key, value in
        Value(name: key, settings: try value.settings(), label: key)
      }
    } else {
      let short = name.split(separator: ".").last.map(String.init) ?? name
      values = try yaml.items().map { item in
        let setting = try item.setting(named: name)
        return Value(name: setting.text, settings: [setting], label: "\(short)-\(setting.text)")
      }
    }
    for value in values where !CellName.isValid(value.label) {
      throw yaml.error(
        "has the value '\(value.name)', of which no folder can be named; give it a name of letters, "
          + "digits and . _ + - =, as in name: {setting: value}")
    }
    let names = values.map(\.name)
    if let double = names.first(where: { name in names.count(where: { $0 == name }) > 1 }) {
      throw yaml.error("has the value '\(double)' twice")
    }
    guard !values.isEmpty else { throw yaml.error("has no values") }
  }
}

/// Names of cells, which are names of folders.
enum CellName {
  private static let longest = 200

  static func isValid(_ name: String) -> Bool {
    let isPlain = name.unicodeScalars.allSatisfy { scalar in
      scalar.isASCII
        && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
          || "._+-=".unicodeScalars.contains(scalar))
    }
    return isPlain && !name.isEmpty && name.count <= longest && !name.hasPrefix(".")
  }
}
