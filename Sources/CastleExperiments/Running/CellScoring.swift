import CastleEvaluation
import CastleFormats
import CastleModel
import CastleTokenizer
import CastleTraining

extension ExperimentFolder {
  /// Reads the tasks of the experiment.
  ///
  /// - Throws: ``InputError`` if a file is missing or not as tasks are, or there are too few examples.
  package func checkTasks() throws {
    for task in experiment.tasks { _ = try questions(of: task) }
  }

  /// The questions of `task`, and the examples before them.
  func questions(of task: Experiment.TaskMeasurement) throws -> (group: TaskGroup, examples: TaskExamples) {
    do {
      let group = try TaskGroup(path: FilePath.expanded(SettingOverride.fill(task.data, from: texts)))
      let source = try task.examples.map {
        try TaskSet(path: FilePath.expanded(SettingOverride.fill($0, from: texts)))
      }
      let examples = TaskExamples(count: task.shots, seed: task.seed, source: source)
      for set in group.sets { try examples.check(set) }
      return (group, examples)
    } catch let error as InputError {
      throw InputError("\(experiment.source): evaluate.tasks.\(task.name): \(error)")
    }
  }
}

/// Measures the finished model of a cell.
struct CellScoring {
  let folder: ExperimentFolder
  let cell: ExperimentCell
  let model: LanguageModel
  let configuration: TrainingConfiguration
  let tokenizer: Tokenizer
  let progress: any ExperimentProgress
  let isInterrupted: () -> Bool

  /// How well the model predicts the experiment's texts but the `known` ones; nil if someone asked to end.
  func scores(known: [String: CellResult.Score]) throws -> [String: CellResult.Score]? {
    var scores = known
    for score in folder.experiment.scores where known[score.name] == nil {
      let path = FilePath.expanded(try SettingOverride.fill(score.data, from: folder.texts))
      let text = try EvaluationText(path: path, tokenizer: tokenizer, limit: score.tokens)
      let length = score.length ?? configuration.training.sequenceLength
      let evaluator = try Evaluator(
        model, batch: configuration.training.batchSize, length: length,
        separator: configuration.data.separatesDocuments ? text.separator : nil)
      let result = try evaluator.evaluate(text) { share in
        progress.scoring(cell, score.name, share: share)
        return !isInterrupted()
      }
      guard let result else { return nil }
      scores[score.name] = CellResult.Score(
        loss: result.loss, bitsPerByte: result.bitsPerByte, tokens: result.tokens, length: length)
    }
    return scores
  }

  /// How the model does on the experiment's tasks but the `known` ones; nil if someone asked to end.
  func tasks(known: [String: CellResult.TaskScore]) throws -> [String: CellResult.TaskScore]? {
    var scores = known
    let evaluator = TaskEvaluator(model, tokenizer: tokenizer)
    for task in folder.experiment.tasks where known[task.name] == nil {
      let (group, examples) = try folder.questions(of: task)
      let results = try evaluator.evaluate([group], examples: examples) { _, share in
        progress.scoring(cell, task.name, share: share)
        return !isInterrupted()
      }
      guard let result = results?.first else { return nil }
      scores[task.name] = CellResult.TaskScore(
        shots: task.shots, sets: result.sets.count, items: result.sets.reduce(0) { $0 + $1.items },
        accuracy: result.accuracy.value, accuracyError: result.accuracy.standardError,
        normalizedAccuracy: result.normalizedAccuracy?.value,
        normalizedAccuracyError: result.normalizedAccuracy?.standardError)
    }
    return scores
  }
}
