import CastleFormats

extension TrainingConfiguration {
  /// The number of steps, where it does not depend on the text; nil if the run is as long as epochs say.
  public var steps: Int? {
    if training.epochs != nil { return nil }
    guard let tokens = training.tokens else { return training.steps ?? StepSettings.defaultSteps }
    return max(1, Self.quotientRoundedUp(tokens, tokensPerStep))
  }

  /// The number of steps of a run on text that has `sequenceCount` sequences.
  ///
  /// - Throws: ``InputError`` if there are more than can be counted, or the schedule needs more.
  func steps(sequenceCount: Int) throws -> Int {
    var steps = self.steps
    if let epochs = training.epochs {
      let sequences = (epochs * Double(sequenceCount)).rounded(.up)
      steps = Int(exactly: (sequences / Double(training.batchSize * training.accumulation)).rounded(.up))
        .map { max(1, $0) }
    }
    guard let steps, steps <= StepSettings.mostSteps else {
      throw InputError(
        subject: "the run", problem: "would have more than \(StepSettings.mostSteps) steps",
        remedy: "lower training.tokens or training.epochs")
    }
    try check(steps: steps)
    return steps
  }

  /// The number of steps that the learning rate rises, of `steps` in all.
  public func warmUpSteps(of steps: Int) -> Int { schedule.warmUp ?? min(100, steps / 10) }

  /// The learning rate over a run of `steps` steps, as a factor of its peak.
  public func learningRateSchedule(steps: Int) -> LearningRateSchedule {
    LearningRateSchedule(
      kind: schedule.kind, steps: steps, warmUpSteps: warmUpSteps(of: steps),
      decaySteps: schedule.decay, floor: schedule.floor)
  }

  /// Throws unless the tokens of `steps` steps can be counted and the schedule fits into them.
  func check(steps: Int) throws {
    let counts = [training.batchSize, training.accumulation, training.sequenceLength]
    let tokens = counts.reduce(Optional(steps)) { product, factor in
      guard let (value, overflow) = product?.multipliedReportingOverflow(by: factor), !overflow else {
        return nil
      }
      return value
    }
    guard tokens != nil else {
      throw InputError(
        problem:
          "training.steps, batch-size, accumulation and sequence-length make more tokens than can be counted",
        remedy: "lower one of them")
    }
    let isGivenInSteps = training.tokens == nil && training.epochs == nil
    let length = isGivenInSteps ? "training.steps, which is" : "the run's steps, which are"
    guard warmUpSteps(of: steps) <= steps else {
      throw InputError(
        subject: "schedule.warm-up", problem: "is \(warmUpSteps(of: steps)), more than \(length) \(steps)")
    }
    guard schedule.kind != .warmUpStableDecay || schedule.decay <= steps - warmUpSteps(of: steps) else {
      throw InputError(
        subject: "schedule.warm-up and schedule.decay",
        problem: "are \(warmUpSteps(of: steps)) and \(schedule.decay), together more than \(length) \(steps)")
    }
  }

  private static func quotientRoundedUp(_ a: Int, _ b: Int) -> Int { a / b + (a % b == 0 ? 0 : 1) }
}
