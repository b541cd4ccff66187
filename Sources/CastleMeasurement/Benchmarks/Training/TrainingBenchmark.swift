import CastleFormats
package import CastleModel
package import CastleOperations
import CastleSystem
package import CastleTraining
import Foundation

/// Times steps of training: whole, and split into parts.
///
/// Steps that are timed as a whole and steps whose operations are timed take turns, so that a slow moment of
/// the machine does not fall on one kind alone.
package struct TrainingBenchmark {
  /// The settings as `castle train` would take them.
  package let configuration: TrainingConfiguration
  package let model: ModelConfiguration
  package let backend: any Backend
  package let repetitions: Int

  /// Steps before the first that counts: memory is taken and caches are warm after them.
  private static let warmUpSteps = 2

  /// Bundles the parts.
  package init(
    configuration: TrainingConfiguration, model: ModelConfiguration, backend: any Backend, repetitions: Int
  ) {
    self.configuration = configuration
    self.model = model
    self.backend = backend
    self.repetitions = repetitions
  }

  /// Throws an `InputError` if a small model of this kind computes something wrong, there is too little
  /// memory, or the loss stops being finite.
  package func run() throws -> TrainingReport {
    let settings = configuration.training
    let memory = PlannedMemory(model, settings: settings)
    try memory.check(available: ProcessMemory.available)
    try TrainingCheck(
      configuration: model, recomputesActivations: settings.recomputes, backend: backend
    ).run()
    let timed = TimedBackend(backend)
    let source = SyntheticBatches(
      vocabularySize: model.vocabularySize, settings: settings, seed: configuration.seed)
    let step = try TrainingStep(
      LanguageModel(model, backend: timed, seed: configuration.seed), settings: settings,
      optimizer: configuration.optimizer, source: source)
    timed.learnParameters(of: step.model, gradients: step.gradients)

    var number = 0
    for _ in 0..<Self.warmUpSteps { _ = try time(step, timed, &number) }
    let peakMemory = ProcessMemory.peak
    var whole: [Double] = []
    var split: [Double] = []
    var times: [[PartTime.Key: PartTime]] = []
    var ratesAround: [[Double]] = []
    for _ in 0..<repetitions {
      let before = productRate()
      whole.append(try time(step, timed, &number))
      ratesAround.append([before, productRate()])
      timed.isTiming = true
      split.append(try time(step, timed, &number))
      timed.isTiming = false
      times.append(timed.takeTimes())
    }
    var peaks = MachinePeaks.measure(backend)
    peaks.productRate = max(peaks.productRate, ratesAround.joined().max() ?? 0)
    return TrainingReport(
      configuration: configuration, model: model, backend: backend.summary, peaks: peaks,
      times: times, wholeSeconds: whole, ratesAround: ratesAround, splitSeconds: split, memory: memory,
      peakMemory: peakMemory)
  }

  private func productRate() -> Double {
    MachinePeaks.productRates(backend, size: 2_048, repetitions: 1)[0]
  }

  /// One step of training; its time in seconds.
  private func time(_ step: TrainingStep, _ backend: TimedBackend, _ number: inout Int) throws -> Double {
    number += 1
    let clock = ContinuousClock()
    backend.synchronize()
    let start = clock.now
    let (loss, norm) = try step.computeGradients { source in
      try backend.measure(.data, .forward) { try source.next() }
    }
    guard loss.isFinite, norm.isFinite else {
      throw InputError(
        "step \(number): the loss is \(loss); lower optimizer.learning-rate, "
          + "which is \(configuration.optimizer.learningRate)")
    }
    let steps = configuration.steps ?? StepSettings.defaultSteps
    try step.update(
      norm: norm,
      learningRate: configuration.optimizer.learningRate
        * configuration.learningRateSchedule(steps: steps).factor(step: min(number, steps)),
      number: number)
    backend.synchronize()
    return (clock.now - start) / .seconds(1)
  }
}
