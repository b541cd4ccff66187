import CastleFormats

/// A setting with the value that an experiment gives it.
struct SettingOverride: Sendable, Hashable {
  /// The full key, such as `training.steps`.
  let key: String
  /// The value; a quoted one is a text whatever it looks like.
  private(set) var text: String
  let isQuoted: Bool

  /// As `castle train --set` takes it.
  var assignment: String { "\(key)=\(isQuoted ? Self.quoted(text) : text)" }

  /// The setting with the folders of `texts` in the place of `${key}`.
  ///
  /// - Throws: ``InputError`` if there is no folder of that name.
  func filled(from texts: [String: String]) throws -> SettingOverride {
    guard text.contains("${") else { return self }
    return SettingOverride(key: key, text: try Self.fill(text, from: texts), isQuoted: true)
  }

  /// `text` with the folders of `texts` in the place of `${key}`.
  static func fill(_ text: String, from texts: [String: String]) throws -> String {
    var result = ""
    var rest = text[...]
    while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
      let name = String(rest[start.upperBound..<end])
      guard let folder = texts[name] else {
        throw InputError(
          problem: "the experiment reads the text '\(name)', but no folder has that name",
          remedy: "give \(.textFolder(name))")
      }
      result += rest[..<start.lowerBound] + folder
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }

  static func quoted(_ text: String) -> String {
    "'" + text.replacing("'", with: "''") + "'"
  }
}
