import CastleCorpus
import CastleEvaluation
import CastleModel

extension Trainer {
  /// Does what is due after the present step: evaluation, samples, checkpoint.
  ///
  /// Returns false if someone asked to end during it; all of it is then still due.
  func completeStep() throws -> Bool {
    let isLast = state.step == configuration.training.steps
    let evaluates = isDue(configuration.evaluation.every) || isLast
    guard let results = try evaluates ? evaluateSets() : [],
      let samples = try isDue(configuration.samples.every) ? drawSamples() : []
    else { return false }
    try record(results)
    try record(samples)
    let isBest = rememberBest(results) && configuration.checkpoints.keepsBest
    state.isStepComplete = true
    isSaved = false
    if isDue(configuration.checkpoints.every) || isLast || isBest { try saveCheckpoint() }
    return true
  }

  /// Saves the run as it is after the present step.
  func saveCheckpoint() throws {
    state.seconds = clock.seconds
    state.records = try records.synchronize()
    let entry = try folder.store.save(step: state.step) { target in
      try model.save(to: target, tokenizer: text.tokenizerPath)
      try arithmetic.optimizer.save(layout: model.layout, folder: target)
      try state.write(to: target)
    }
    if configuration.checkpoints.keepsBest && state.best?.step == state.step {
      try folder.store.markBest(entry)
    }
    try folder.store.prune(keeping: configuration.checkpoints.keep, and: entry)
    isSaved = true
    progress.saved(entry)
  }

  private func isDue(_ interval: Int) -> Bool {
    interval > 0 && state.step.isMultiple(of: interval)
  }

  /// Measures on every set; nil if someone asked to end.
  private func evaluateSets() throws -> [EvaluationMetrics]? {
    var results: [EvaluationMetrics] = []
    for set in plan.sets {
      let result = try evaluator.evaluate(set) { share in
        progress.evaluating(set.name, share: share)
        return !isInterrupted()
      }
      guard let result else { return nil }
      results.append(
        EvaluationMetrics(
          step: state.step, trainedTokens: state.step * configuration.tokensPerStep, set: set.name,
          result: result))
    }
    return results
  }

  private func record(_ results: [EvaluationMetrics]) throws {
    guard !results.isEmpty else { return }
    evaluations = results
    try records.add(results)
    results.forEach(progress.evaluated)
  }

  /// Whether the first set's loss is the lowest so far.
  private func rememberBest(_ results: [EvaluationMetrics]) -> Bool {
    guard let first = results.first, first.result.loss < state.best?.loss ?? .infinity else { return false }
    state.best = .init(step: state.step, loss: first.result.loss)
    return true
  }
}
