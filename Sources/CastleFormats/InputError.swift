/// Something that the user gave and that cannot be used: a file, a configuration, a request, an argument.
///
/// An error says what it is about, what is wrong with that, and what to do. The description joins these parts
/// to one line that names the bad value and what would be right:
///
/// ```swift
/// InputError(
///   subject: "runs/first", problem: "holds a run already",
///   remedy: "continue it with \(.resume), or choose another folder with \(.setting("output", "…"))")
/// ```
public struct InputError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What the error is about: a file, a key, a step. Nil where the problem says it.
  public var subject: ErrorText?
  /// What is wrong, in words that follow the subject.
  public var problem: ErrorText
  /// What to do. Nil where the problem says it.
  public var remedy: ErrorText?

  /// An error that says `description`, one line without a full stop.
  public init(_ description: String) {
    problem = ErrorText(description)
  }

  /// An error in parts.
  public init(subject: ErrorText? = nil, problem: ErrorText, remedy: ErrorText? = nil) {
    self.subject = subject
    self.problem = problem
    self.remedy = remedy
  }

  /// What is wrong and what to do, in one line without a full stop.
  public var description: String { text { $0.description } }

  /// The description, in which requests and keys have the spelling of some interface.
  public func text(spelling: (ErrorText.Term) -> String) -> String {
    var line = problem.text(spelling: spelling)
    if let subject { line = subject.text(spelling: spelling) + (followsDirectly ? "" : " ") + line }
    return remedy.map { line + "; " + $0.text(spelling: spelling) } ?? line
  }

  /// The same error, said of `context`, such as a file. Its terms stay terms. An error that names `context`
  /// first stays as it is.
  package func within(_ context: ErrorText) -> InputError {
    guard !description.hasPrefix(context.description) else { return self }
    let own = subject.map { $0 + (followsDirectly ? "" : " ") + problem } ?? problem
    return InputError(subject: context, problem: ": " + own, remedy: remedy)
  }

  /// Whether no space stands between subject and problem.
  private var followsDirectly: Bool { problem.description.first.map { ":,".contains($0) } ?? true }

  /// The error with other terms in place of its own.
  public func replacingTerms(_ replacement: (ErrorText.Term) -> ErrorText.Term) -> InputError {
    InputError(
      subject: subject?.replacingTerms(replacement), problem: problem.replacingTerms(replacement),
      remedy: remedy?.replacingTerms(replacement))
  }
}
