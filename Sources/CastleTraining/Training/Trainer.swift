import CastleCorpus
import CastleEvaluation
import CastleFormats
public import CastleModel
public import CastleOperations
public import CastleSystem
import Foundation

/// Trains a model: steps, evaluations, samples and checkpoints, until the run is done or someone interrupts
/// it.
///
/// A run that was interrupted, in whatever way, and is resumed computes the same numbers as one that was not,
/// bit for bit, on equal threads, instructions and BLAS and in the same version of this program. Where one of
/// these differs from what the checkpoint says, the run tells it and goes on with numbers that may differ in
/// their last bits.
public final class Trainer {
  /// How a run ended.
  public enum Outcome: Sendable, Hashable {
    /// All steps are done and the model is in the run's `model` folder.
    case finished
    /// Someone asked to end; a checkpoint was saved after the last step.
    case interrupted
  }

  /// What decides the run.
  public let configuration: TrainingConfiguration
  /// What the run will take.
  public let plan: TrainingPlan
  /// The state after the last step.
  public internal(set) var state: TrainingState
  /// The last evaluation of each set.
  public internal(set) var evaluations: [EvaluationMetrics] = []
  /// The model being trained.
  public let model: LanguageModel

  let folder: RunFolder
  let text: PreparedCorpus
  let arithmetic: TrainingStep
  let evaluator: Evaluator
  let records: RunRecords
  let progress: any TrainingProgress
  let backend: any Backend
  let schedule: LearningRateSchedule
  let isInterrupted: () -> Bool
  var clock: RunClock
  /// Whether the newest checkpoint is of the present state.
  var isSaved: Bool
  /// The number of updates that were left out since the last one that was not.
  var spikesInARow = 0

  /// Opens the run's folder, new or to be resumed, and makes everything ready for the next step.
  ///
  /// `peakRate` is the machine's rate of matrix products in operations per second. `isInterrupted` is asked
  /// between steps and during evaluations; true saves a checkpoint and ends ``run()``.
  ///
  /// - Throws: ``InputError`` if the text or one to evaluate on cannot be used, a sample cannot begin as its
  ///   prompt says, the run does not fit into memory, the folder is in use or holds another run, or (when
  ///   `resumes` is true) no checkpoint is intact.
  public init(
    _ configuration: TrainingConfiguration, resumes: Bool, backend: any Backend,
    peakRate: Double, progress: any TrainingProgress,
    isInterrupted: @escaping () -> Bool = { Interruption.isRequested }
  ) throws {
    self.backend = backend
    self.progress = progress
    self.isInterrupted = isInterrupted
    text = try configuration.data.open()
    plan = try TrainingPlan(configuration, text: text, peakRate: peakRate)
    try plan.checkMemory(note: progress.note)
    for set in plan.sets where set.isTrainingPart {
      progress.note("\(set.name) has no validation part: evaluations read the text that it has for training")
    }
    folder = try RunFolder(configuration, text: text, resumes: resumes, progress: progress)
    self.configuration = folder.configuration
    schedule = folder.configuration.learningRateSchedule
    state = folder.state
    isSaved = folder.checkpoint != nil
    let machine = "castle \(ProgramVersion.number), \(backend.summary)"
    if let before = state.machine, before != machine {
      progress.note(
        "the numbers may differ in their last bits: the run goes on with \(machine); before it was \(before)")
    }
    state.machine = machine
    model = try Self.model(configuration, plan: plan, checkpoint: folder.checkpoint, backend: backend)

    let settings = configuration.training
    let batches = TokenBatches(
      windows: plan.windows, batchSize: settings.batchSize, seed: configuration.seed,
      separator: plan.separator,
      position: state.position)
    arithmetic = try TrainingStep(model, configuration: configuration, batches: batches)
    if let checkpoint = folder.checkpoint {
      try arithmetic.optimizer.load(layout: model.layout, folder: checkpoint.folder)
    }
    evaluator = Evaluator(
      arithmetic.pass, batch: settings.batchSize, length: settings.sequenceLength, separator: plan.separator)
    records = try RunRecords(folder: folder.path, position: state.records, step: state.step)
    clock = RunClock(secondsBefore: state.seconds)
    try folder.writeConfiguration()
  }

  /// Trains until the last step or an interruption.
  ///
  /// - Throws: ``InputError`` if a loss or gradient is not finite, the text has changed, or the disk is full.
  public func run() throws -> Outcome {
    clock = RunClock(secondsBefore: state.seconds)
    do {
      while state.step < configuration.training.steps || !state.isStepComplete {
        if state.isStepComplete {
          if isInterrupted() { return try interrupted() }
          try step()
        }
        guard try completeStep() else { return try interrupted() }
      }
    } catch let error as TextChanged {
      if !isSaved { try saveCheckpoint() }
      throw InputError(
        "\(error.description); the run is saved at step \(state.step): put the old file back and use --resume"
      )
    }
    try finish()
    return .finished
  }

  private func interrupted() throws -> Outcome {
    if !isSaved { try saveCheckpoint() }
    return .interrupted
  }

  private func finish() throws {
    try model.save(to: folder.path + "/model", tokenizer: text.tokenizerPath)
  }

  private static func model(
    _ configuration: TrainingConfiguration, plan: TrainingPlan, checkpoint: CheckpointStore.Entry?,
    backend: any Backend
  ) throws -> LanguageModel {
    if let checkpoint { return try LanguageModel(folder: checkpoint.folder, backend: backend) }
    if let initial = configuration.model.initial {
      return try LanguageModel(folder: initial, configuration: plan.model, backend: backend)
    }
    return try LanguageModel(plan.model, backend: backend, seed: configuration.seed)
  }
}
