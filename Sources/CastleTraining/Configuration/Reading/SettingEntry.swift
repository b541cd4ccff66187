/// A key with its present value, for the reference and for comparing configurations.
public struct SettingEntry: Sendable, Hashable {
  /// The full key, such as `training.steps`.
  public let path: String
  /// The value as it would be written.
  public let value: String
  /// What the setting means.
  public let help: String
}
