public import CastleCluster
import CastleFormats
public import CastleModel
public import CastleTokenizer
import Foundation

/// Measures how a model does on tasks: what it finds most probable counts, not what it writes.
///
/// ```swift
/// let tasks = TaskEvaluator(model, tokenizer: tokenizer)
/// let blimp = try tasks.evaluate([TaskGroup(path: "blimp/data")])
/// ```
///
/// Text is formed and encoded as in the lm-eval harness (Gao et al., "The Language Model Evaluation
/// Harness"), so that the numbers can be compared with published ones.
public final class TaskEvaluator {
  private let model: LanguageModel
  private let encoder: ContinuationEncoder
  private let communicator: any Communicator

  /// An evaluator of `model`, which reads what `tokenizer` writes. The ranks of `communicator` share the
  /// questions of each set.
  public init(
    _ model: LanguageModel, tokenizer: Tokenizer, communicator: any Communicator = SingleProcess()
  ) {
    self.model = model
    self.communicator = communicator
    encoder = ContinuationEncoder(tokenizer, model.configuration)
  }

  /// Measures on all sets of `groups`, with `examples` before each question.
  ///
  /// `progress` gets the set that is worked on and the share of all questions that is done, and ends the work
  /// by returning false; the result is then nil, on every rank.
  ///
  /// - Throws: ``InputError`` if a question or the model cannot be used, before anything is computed where
  ///   possible.
  public func evaluate(
    _ groups: [TaskGroup], examples: TaskExamples = .none,
    progress: (_ set: TaskSet, _ share: Double) -> Bool = { _, _ in true }
  ) throws -> [TaskGroupResult]? {
    for set in groups.flatMap(\.sets) { try examples.check(set) }
    let total = Double(groups.flatMap(\.sets).reduce(0) { $0 + $1.items.count })
    var done = 0
    var results: [TaskGroupResult] = []
    for group in groups {
      var sets: [TaskResult] = []
      for set in group.sets {
        let result = try evaluate(set, examples: examples) { share in
          progress(set, (Double(done) + share * Double(set.items.count)) / total)
        }
        guard let result else { return nil }
        sets.append(result)
        done += set.items.count
      }
      results.append(
        TaskGroupResult(name: group.name, path: group.path, isFolder: group.isFolder, sets: sets))
    }
    return results
  }

  private func evaluate(
    _ set: TaskSet, examples: TaskExamples, progress: (_ share: Double) -> Bool
  ) throws -> TaskResult? {
    var cutItems = 0
    let scores = try communicator.collect {
      try self.scores(of: set, examples: examples, cutItems: &cutItems, progress: progress)
    }
    guard let scores else { return nil }
    return Self.result(set, scores: scores, cutItems: try communicator.gather(cutItems).reduce(0, +))
  }

  /// The scores of all choices of this rank's questions, and how many questions were cut. Nil if `progress`
  /// has returned false.
  private func scores(
    of set: TaskSet, examples: TaskExamples, cutItems: inout Int, progress: (_ share: Double) -> Bool
  ) throws -> [ContinuationScore]? {
    let scorer = try ContinuationScorer(model, findsGreedy: set.kind == .cloze)
    let share = communicator.world.share(of: set.items.count)
    for index in share {
      guard progress(Double(index - share.lowerBound) / Double(share.count)) else { return nil }
      let item = set.items[index]
      let prefix = examples.text(before: index, of: set)
      var isCut = false
      for choice in 0..<item.choiceCount {
        let (context, continuation) = item.choice(choice)
        let encoded: EncodedContinuation
        do {
          encoded = try encoder.encode(continuation, after: prefix + context)
        } catch let error as InputError {
          throw error.within("\(set.path):\(item.line)")
        }
        isCut = isCut || encoded.isCut
        try scorer.append(encoded)
      }
      if isCut { cutItems += 1 }
    }
    try scorer.flush()
    return scorer.scores
  }

  private static func result(
    _ set: TaskSet, scores: [ContinuationScore], cutItems: Int
  ) -> TaskResult {
    var correct: [Double] = []
    var correctNormalized: [Double] = []
    var start = 0
    for item in set.items {
      let own = scores[start..<start + item.choiceCount]
      start += item.choiceCount
      let logs = own.map(\.logProbability)
      switch item.kind {
      case .sentencePairs:
        correct.append(logs[0] > logs[1] ? 1 : 0)
      case .cloze:
        correct.append(own.allSatisfy(\.isGreedy) ? 1 : 0)
      case .contextChoice:
        correct.append(firstLargest(logs) == item.answer ? 1 : 0)
      case .multipleChoice:
        correct.append(firstLargest(logs) == item.answer ? 1 : 0)
        let lengths = item.continuations.map { Double($0.utf8.count) }
        let normalized = zip(logs, lengths).map { $0 / $1 }
        correctNormalized.append(firstLargest(normalized) == item.answer ? 1 : 0)
      }
    }
    return TaskResult(
      name: set.name, path: set.path, kind: set.kind, items: set.items.count,
      accuracy: MeanEstimate(of: correct),
      normalizedAccuracy: correctNormalized.isEmpty ? nil : MeanEstimate(of: correctNormalized),
      perplexity: set.kind == .cloze ? perplexity(scores) : nil, cutItems: cutItems)
  }

  private static func firstLargest(_ numbers: [Double]) -> Int? {
    numbers.max().flatMap { numbers.firstIndex(of: $0) }
  }

  /// exp of the mean loss; its error is that of the mean loss times the perplexity, to first order.
  private static func perplexity(_ scores: [ContinuationScore]) -> MeanEstimate {
    let loss = MeanEstimate(of: scores.map { -$0.logProbability })
    let value = exp(loss.value)
    return MeanEstimate(value: value, standardError: loss.standardError.map { $0 * value })
  }
}
