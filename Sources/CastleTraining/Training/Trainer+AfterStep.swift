import CastleCluster
import CastleCorpus
import CastleEvaluation
import CastleFormats
import CastleModel

extension Trainer {
  /// Does what is due after the present step: evaluation, samples, checkpoint.
  ///
  /// Returns false if someone asked to end during it; all of it is then still due.
  func completeStep() throws -> Bool {
    let isLast = state.step == plan.steps
    let evaluates = isDue(configuration.evaluation.every) || isLast
    guard let results = try evaluates ? evaluateSets() : [],
      let samples = try isDue(configuration.samples.every) ? drawSamples() : []
    else { return false }
    try record(results)
    try record(samples)
    let isBest = takeIn(results) && configuration.checkpoints.keepsBest
    state.isStepComplete = true
    isSaved = false
    if stopsEarly { noteEarlyStop() }
    let checkpoints = configuration.checkpoints
    if isDue(checkpoints.every) || isDue(checkpoints.permanentEvery) || isLast || isBest || stopsEarly {
      try saveCheckpoint()
    }
    return true
  }

  /// Saves the run as it is after the present step.
  func saveCheckpoint() throws {
    state.seconds = clock.seconds
    state.records = try records.synchronize()
    guard communicator.world.isMain else {
      try saveMoments(to: "")
      isSaved = true
      return
    }
    let checkpoints = configuration.checkpoints
    let entry = try folder.store.save(step: state.step, isPermanent: isDue(checkpoints.permanentEvery)) {
      target in
      try model.save(to: target, tokenizer: plan.data.text?.tokenizerPath)
      try saveMoments(to: target)
      try state.write(to: target)
      try AtomicFile.write(
        try configuration.yaml().utf8, path: target + "/" + RunFolder.checkpointConfigurationName)
    }
    folder.tidy(state, checkpoints, saved: entry, note: progress.note)
    isSaved = true
    progress.saved(entry)
  }

  /// Writes the moments to a checkpoint of the main rank, which alone knows its `folder`: each rank those of
  /// its share.
  private func saveMoments(to folder: String) throws {
    let optimizer = trainingStep.optimizer
    guard communicator.world.size > 1 else { return try optimizer.save(layout: model.layout, folder: folder) }
    let isMain = communicator.world.isMain
    if isMain { try optimizer.save(layout: model.layout, folder: folder) }
    let folder = try communicator.broadcast(folder)
    do {
      try communicator.onEveryRank {
        if !isMain { try optimizer.save(layout: model.layout, folder: folder, isFirst: false) }
      }
    } catch let failure as RankFailure {
      throw InputError(failure.description)
    }
  }

  private func isDue(_ interval: Int) -> Bool {
    interval > 0 && state.step.isMultiple(of: interval)
  }

  /// Measures on every set; nil if someone asked to end.
  private func evaluateSets() throws -> [EvaluationMetrics]? {
    var results: [EvaluationMetrics] = []
    func add(
      _ name: String, _ evaluate: (_ progress: (Double) -> Bool) throws -> EvaluationResult?
    ) throws -> Bool {
      let result = try evaluate { share in
        progress.evaluating(name, share: share)
        return !isInterrupted()
      }
      guard let result else { return false }
      results.append(
        EvaluationMetrics(
          step: state.step, trainedTokens: state.step * configuration.tokensPerStep, set: name,
          result: result))
      return true
    }
    for set in plan.sets {
      guard try add(set.name, { try evaluator.evaluate(set, progress: $0) }) else { return nil }
    }
    if let source = plan.data.probe {
      let evaluator = ProbeEvaluator(
        pass: ScoringPass(sharing: trainingStep.pass),
        batch: configuration.training.largestShare(of: trainingStep.ranks.groups), ranks: trainingStep.ranks)
      for set in plan.heldOut {
        guard try add(set.name, { try evaluator.evaluate(set, of: source, progress: $0) }) else { return nil }
      }
    }
    return results
  }

  private func record(_ results: [EvaluationMetrics]) throws {
    guard !results.isEmpty else { return }
    evaluations = results
    try records.add(results)
    results.forEach(progress.evaluated)
  }

  /// Whether the loss that decides is the lowest so far.
  private func takeIn(_ results: [EvaluationMetrics]) -> Bool {
    guard let loss = plan.decisiveLoss(results) else { return false }
    return state.add(
      validationLoss: loss, minimumImprovement: configuration.evaluation.minimumImprovement)
  }

  private func noteEarlyStop() {
    let best =
      state.best.map { ": the lowest loss was \(NumberFormat.fixed($0.loss, 4)) after step \($0.step)" } ?? ""
    progress.note(
      "stopping early after step \(state.step)\(best); "
        + "\(NumberFormat.count(configuration.evaluation.patience, "evaluation")) without a lower one "
        + "(evaluation.patience)")
  }
}
