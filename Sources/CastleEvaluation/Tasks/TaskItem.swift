/// What a question is like.
public enum TaskKind: String, Sendable, Hashable, CaseIterable {
  /// A good and a bad sentence: which is more probable?
  case sentencePairs = "sentence_pairs"
  /// A context and several continuations.
  case multipleChoice = "multiple_choice"
  /// Several contexts and what comes after the correct one.
  case contextChoice = "context_choice"
  /// A context and its continuation: does the model know it?
  case cloze
}

/// One question of a task.
///
/// The continuations are scored after their contexts; where there is one context, it is that of all.
public struct TaskItem: Sendable, Hashable {
  /// What it is like.
  public var kind: TaskKind
  /// The contexts, one or as many as there are to choose from.
  public var contexts: [String]
  /// The continuations, one or as many as there are to choose from.
  public var continuations: [String]
  /// The index of the correct choice.
  public var answer: Int
  /// What stands between a context and a continuation.
  public var delimiter: String
  /// The line of the file.
  public var line: Int

  /// The number of choices.
  public var choiceCount: Int { max(contexts.count, continuations.count) }

  /// The context and the continuation of one choice, the delimiter included.
  func choice(_ index: Int) -> (context: String, continuation: String) {
    let context = contexts[contexts.count == 1 ? 0 : index]
    let continuation = continuations[continuations.count == 1 ? 0 : index]
    return (context, delimiter + continuation)
  }

  /// The question with its answer, as an example.
  var example: String {
    let (context, continuation) = choice(answer)
    return context + continuation
  }
}
