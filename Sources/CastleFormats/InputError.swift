/// Something that the user gave and that cannot be used: a file, a configuration, a request, an argument.
///
/// The description is one line that names the bad value and what would be right.
public struct InputError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong and what to do, in one line without a full stop.
  public let description: String

  /// An error that says `description`.
  public init(_ description: String) {
    self.description = description
  }
}
