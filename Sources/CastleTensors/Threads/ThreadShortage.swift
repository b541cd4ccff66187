/// The system gives fewer threads than a pool asks for.
public struct ThreadShortage: Error, Hashable, CustomStringConvertible {
  /// How many threads there are, the calling one included.
  public let given: Int
  /// How many were asked for.
  public let wanted: Int
  /// What the system says.
  public let reason: String

  /// One line for a person.
  public var description: String { "the system gives \(given) threads of \(wanted): \(reason)" }
}
