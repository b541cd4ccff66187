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
    /// All steps are done, or the validation loss has not improved for as long as the patience lasts. The
    /// model is in the run's `model` folder.
    case finished
    /// Someone asked to end; a checkpoint was saved after the last step.
    case interrupted
  }

  /// What decides the run: the settings as they take effect.
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
  let trainingStep: TrainingStep
  let evaluator: Evaluator
  let records: RunRecords
  let progress: any TrainingProgress
  let backend: any Backend
  let schedule: LearningRateSchedule
  let isInterrupted: () -> Bool
  var clock: RunClock
  /// Whether the newest checkpoint is of the present state.
  var isSaved: Bool
  /// The number of updates that were skipped since the last one that was not.
  var spikesInARow = 0

  /// Opens the run's folder, new or to be resumed, and makes everything ready for the next step.
  ///
  /// With `resumes` the run goes on from the newest checkpoint in its folder, if there is one. Where there is
  /// none, `checkpoint` names one of another run on the same text to branch from: its weights, moments, step
  /// and position in the data go on, while the schedule, the length and all settings that are no part of them
  /// may be new.
  ///
  /// `isInterrupted` is asked between steps and during evaluations; true saves a checkpoint and ends
  /// ``run()``.
  ///
  /// - Throws: ``InputError`` if the text or one to evaluate on cannot be used, a sample cannot begin as its
  ///   prompt says, the run does not fit into memory, the folder is in use or holds another run, or a
  ///   checkpoint to go on from is damaged or of another run.
  public init(
    _ configuration: TrainingConfiguration, resumes: Bool, branchingFrom checkpoint: String? = nil,
    backend: any Backend, progress: any TrainingProgress,
    isInterrupted: @escaping () -> Bool = { Interruption.isRequested }
  ) throws {
    let world = World.single
    let progress = world.isMain ? progress : SilentProgress()
    self.backend = backend
    self.progress = progress
    self.isInterrupted = isInterrupted
    let start = try RunStart(output: configuration.output, resumes: resumes, checkpoint: checkpoint)
    plan = try TrainingPlan(configuration)
    let configuration = try start.inEffect(configuration, steps: plan.steps, note: progress.note)
    self.configuration = configuration
    try plan.checkMemory(note: progress.note)
    for set in plan.sets where set.isTrainingPart {
      progress.note("\(set.name) has no validation part: evaluations read the text that it has for training")
    }
    folder = try RunFolder(start, world: world, note: progress.note)
    var state = try folder.state(
      seed: configuration.seed, data: plan.data, steps: plan.steps, note: progress.note)
    try folder.renewBest(state, configuration.checkpoints)
    schedule = configuration.learningRateSchedule(steps: plan.steps)
    isSaved = folder.checkpoint != nil && !folder.isBranch
    let machine = "castle \(ProgramVersion.number), \(backend.summary)"
    if let before = state.machine, before != machine {
      progress.note(
        "the numbers may differ in their last bits: the run goes on with \(machine); before it was \(before)")
    }
    state.machine = machine
    self.state = state
    model = try Self.model(configuration, plan: plan, checkpoint: folder.checkpoint, backend: backend)

    let settings = configuration.training
    trainingStep = try TrainingStep(
      model, settings: settings, optimizer: configuration.optimizer,
      source: plan.batches(configuration, position: state.position, world: world))
    if let checkpoint = folder.checkpoint {
      try trainingStep.optimizer.load(layout: model.layout, folder: checkpoint.folder)
    }
    evaluator = Evaluator(
      trainingStep.pass, batch: settings.batchSize, length: settings.sequenceLength, separator: plan.separator
    )
    records = try RunRecords(folder: folder.path, position: state.records, step: state.step, world: world)
    clock = RunClock(secondsBefore: state.seconds, stepsBefore: state.step)
    // A branch needs nothing of the other run from here on.
    if folder.isBranch { try saveCheckpoint() }
    try folder.write(configuration)
  }

  /// Whether the run ends before its last step, because the validation loss has not improved for long enough.
  public var stopsEarly: Bool {
    let patience = configuration.evaluation.patience
    return patience > 0 && state.step < plan.steps && (state.stall?.evaluations ?? 0) >= patience
  }

  /// Trains until the last step, an early stop or an interruption.
  ///
  /// - Throws: ``InputError`` if a loss or gradient is not finite, the text has changed, or the disk is full.
  public func run() throws -> Outcome {
    clock = RunClock(secondsBefore: state.seconds, stepsBefore: state.step)
    do {
      while !isAtEnd || !state.isStepComplete {
        if state.isStepComplete {
          if isInterrupted() { return try interrupted() }
          try step()
        }
        guard try completeStep() else { return try interrupted() }
      }
    } catch let error as TextChanged {
      if !isSaved { try saveCheckpoint() }
      throw InputError(
        problem: "\(error.description); the run is saved at step \(state.step)",
        remedy: "put the old file back and use \(.resume)")
    }
    try saveModel()
    return .finished
  }

  private var isAtEnd: Bool { state.step >= plan.steps || stopsEarly }

  private func interrupted() throws -> Outcome {
    if !isSaved { try saveCheckpoint() }
    return .interrupted
  }

  private func saveModel() throws {
    try model.save(to: folder.path + "/model", tokenizer: plan.data.text?.tokenizerPath)
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
