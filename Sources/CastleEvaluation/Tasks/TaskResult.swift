/// How a model does on one set of questions.
public struct TaskResult: Sendable, Hashable {
  /// The name of the set.
  public var name: String
  /// The path of its file.
  public var path: String
  /// What its questions are like.
  public var kind: TaskKind
  /// The number of questions.
  public var items: Int
  /// The share of questions whose most probable choice is correct; of cloze questions, those whose
  /// continuation greedy decoding would have written.
  public var accuracy: MeanEstimate
  /// The same where a choice's log-probability is divided by its bytes; multiple choice only.
  public var normalizedAccuracy: MeanEstimate?
  /// exp of the mean negative log-likelihood of a continuation; cloze only.
  public var perplexity: MeanEstimate?
  /// The number of questions that were cut from the left to what the model reads.
  public var cutItems: Int
}

/// How a model does on the sets of a folder.
public struct TaskGroupResult: Sendable, Hashable {
  /// The name of the folder or file.
  public var name: String
  /// Its path.
  public var path: String
  /// Whether it is a folder.
  public var isFolder: Bool
  /// The results of the sets.
  public var sets: [TaskResult]

  /// The mean accuracy, in which every set counts the same.
  public var accuracy: MeanEstimate { MeanEstimate(of: sets.map(\.accuracy)) }

  /// The mean normalized accuracy, if all sets have one.
  public var normalizedAccuracy: MeanEstimate? {
    let known = sets.compactMap(\.normalizedAccuracy)
    return known.count == sets.count ? MeanEstimate(of: known) : nil
  }
}
