import CastleFormats
import CastleModel
import CastleOperations
import CastleSystem
import CastleTensors
import Foundation

extension Trainer {
  /// One step of the optimizer: gradients of all its batches, clipping, update, records.
  func step() throws {
    let number = state.step + 1
    let started = clock.seconds
    let (loss, norm) = try trainingStep.computeGradients()
    guard loss.isFinite, norm.isFinite else { throw try notFinite(step: number, loss: loss) }

    let isSpike = isSpike(loss: loss, norm: norm)
    let rate = configuration.optimizer.learningRate * schedule.factor(step: number)
    if !isSpike { try trainingStep.update(norm: norm, learningRate: rate, number: number) }
    noteSpikes(isSpike: isSpike, step: number)
    let metrics = StepMetrics(
      step: number, tokens: number * configuration.tokensPerStep, epoch: trainingStep.source.epoch ?? 0,
      loss: loss, learningRate: rate, gradientNorm: norm, isSkipped: isSpike)
    state.step = number
    state.position = trainingStep.source.position
    state.isStepComplete = false
    isSaved = false
    try record(metrics, seconds: clock.seconds - started)
  }

  private func record(_ metrics: StepMetrics, seconds: Double) throws {
    let speed = Double(configuration.tokensPerStep) / seconds
    let timing = StepTiming(
      step: metrics.step, seconds: clock.seconds, tokensPerSecond: speed,
      memory: ProcessMemory.peak)
    try records.add(metrics, timing)
    progress.step(
      metrics, timing, of: plan.steps, remaining: clock.remaining(after: metrics.step, of: plan.steps))
  }

  /// Whether the update should be skipped. The values enter what later ones are compared with.
  private func isSpike(loss: Double, norm: Double) -> Bool {
    let limit = configuration.training.skipSpikes
    guard limit > 0 else { return false }
    let deviations = [state.losses.deviation(of: loss), state.gradientNorms.deviation(of: norm)]
    state.losses.add(loss)
    state.gradientNorms.add(norm)
    return deviations.contains { ($0 ?? 0) > limit }
  }

  /// Says when so many updates in a row were skipped that it is no spike.
  private func noteSpikes(isSpike: Bool, step: Int) {
    spikesInARow = isSpike ? spikesInARow + 1 : 0
    guard spikesInARow == Self.manySpikes else { return }
    progress.note(
      "warning: the updates of steps \(step - Self.manySpikes + 1) to \(step) were all skipped, "
        + "because loss or gradient norm is more than \(configuration.training.skipSpikes) standard "
        + "deviations above the recent mean (training.skip-spikes)")
  }

  private static let manySpikes = 20

  /// Names the first parameter whose gradient is not finite, and where to go on from.
  private func notFinite(step: Int, loss: Double) throws -> InputError {
    let tensor =
      try trainingStep.firstBadParameter().map { ", the gradient of \($0.name) is not finite" } ?? ""
    let checkpoint =
      folder.store.entries.first.map { "the last good checkpoint is \($0.folder)" }
      ?? "there is no checkpoint yet"
    return InputError(
      subject: "step \(step)", problem: ": the loss is \(loss)\(tensor); \(checkpoint)",
      remedy: "use \(.resume) with a lower optimizer.learning-rate, as in "
        + "\(.setting("optimizer.learning-rate", "\(configuration.optimizer.learningRate / 2)"))")
  }
}
