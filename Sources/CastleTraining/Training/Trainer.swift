import CastleAttention
public import CastleCluster
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
/// these differs from what the checkpoint says, the run says so and goes on with numbers that may differ in
/// their last bits.
///
/// Several ranks share the work of one run: each has a trainer of its own with the same settings, and all of
/// them make the same calls. The main rank writes and tells; a run may go on with another number of ranks.
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
  let communicator: any Communicator
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
  /// `isInterrupted` is asked between steps and during evaluations; true, on any rank, saves a checkpoint and
  /// ends ``run()``.
  ///
  /// - Throws: ``InputError`` if the text or one to evaluate on cannot be used, a sample cannot begin as its
  ///   prompt says, the run does not fit into memory, the folder is in use or holds another run, or a
  ///   checkpoint to go on from is damaged or of another run, or ranks have other settings, texts or programs
  ///   than the main one.
  public init(
    _ configuration: TrainingConfiguration, resumes: Bool, branchingFrom checkpoint: String? = nil,
    backend: any Backend, communicator: any Communicator = SingleProcess(), progress: any TrainingProgress,
    isInterrupted: @escaping () -> Bool = { Interruption.isRequested }
  ) throws {
    let world = communicator.world
    let progress = world.isMain ? progress : SilentProgress()
    self.backend = backend
    self.progress = progress
    self.isInterrupted = isInterrupted
    self.communicator = communicator
    try communicator.requireSame("version of castle", ProgramVersion.number, shows: true)
    let start = try RunStart(output: configuration.output, resumes: resumes, checkpoint: checkpoint)
    plan = try TrainingPlan(configuration, world: world)
    try communicator.requireSame("training text", plan.data.fingerprint)
    try communicator.requireSame("configuration", try configuration.yaml())
    let configuration = try start.inEffect(configuration, steps: plan.steps, note: progress.note)
    self.configuration = configuration
    let settings = configuration.training
    try plan.checkMemory(note: progress.note)
    for set in plan.sets where set.isTrainingPart {
      progress.note("\(set.name) has no validation part: evaluations read the text that it has for training")
    }
    folder = try RunFolder.open(start, communicator: communicator, note: progress.note)
    var state = try folder.state(
      seed: configuration.seed, data: plan.data, steps: plan.steps, note: progress.note)
    start.noteRate(
      configuration, steps: plan.steps, after: state.step,
      sequenceCount: plan.sequenceCount, note: progress.note)
    schedule = configuration.learningRateSchedule(steps: plan.steps)
    isSaved = folder.checkpoint != nil && !folder.isBranch
    let groups = settings.sequenceRanks > 1 ? " in groups of \(settings.sequenceRanks)" : ""
    let ranks = world.size > 1 ? ", \(world.size) ranks\(groups)" : ""
    let machine = "castle \(ProgramVersion.number), \(backend.summary)\(ranks)"
    if let before = state.machine, before != machine {
      progress.note(
        "the numbers may differ in their last bits: the run goes on with \(machine); before it was \(before)")
    }
    state.machine = machine
    self.state = state
    model = try Self.model(
      configuration, plan: plan, checkpoint: folder.checkpoint, backend: backend, note: progress.note)

    trainingStep = try TrainingStep(
      model, settings: settings, optimizer: configuration.optimizer,
      source: plan.batches(
        configuration, position: state.position, world: world.groups(of: settings.sequenceRanks)),
      communicator: communicator)
    if let checkpoint = folder.checkpoint {
      try trainingStep.optimizer.load(layout: model.layout, folder: checkpoint.folder)
    }
    evaluator = Evaluator(
      ScoringPass(sharing: trainingStep.pass), batch: settings.largestShare(of: trainingStep.ranks.groups),
      length: settings.sequenceLength, separator: plan.separator, ranks: trainingStep.ranks)
    records = try RunRecords(
      folder: folder.path, position: state.records, step: state.step, world: world, note: progress.note)
    folder.tidy(state, configuration.checkpoints, note: progress.note)
    clock = RunClock(secondsBefore: state.seconds, stepsBefore: state.step)
    // A branch needs nothing of the other run from here on.
    if folder.isBranch { try saveCheckpoint() }
    try folder.write(configuration, run: state.run)
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
          if try communicator.isTrueOnAny(isInterrupted()) { return try interrupted() }
          try step()
        }
        guard try completeStep() else { return try interrupted() }
      }
    } catch let error as RankFailure {
      if !isSaved { try saveCheckpoint() }
      throw InputError(
        problem: "\(error.description); the run is saved at step \(state.step)",
        remedy: "mend that and use \(.resume)")
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
    guard communicator.world.isMain else { return }
    try model.save(to: folder.path + "/" + RunFolder.modelName, tokenizer: plan.data.text?.tokenizerPath)
  }

  private static func model(
    _ configuration: TrainingConfiguration, plan: TrainingPlan, checkpoint: CheckpointStore.Entry?,
    backend: any Backend, note: (String) -> Void
  ) throws -> LanguageModel {
    if let checkpoint { return try LanguageModel(folder: checkpoint.folder, backend: backend) }
    if let initial = configuration.model.initial {
      return try LanguageModel(folder: initial, configuration: plan.model, backend: backend, note: note)
    }
    if let causal = configuration.model.fromCausal {
      var before = plan.model
      before.mechanism = .causal
      let counts = [plan.parameterCount, before.parameterCount].map { NumberFormat.grouped($0) }
      note(
        "the model starts as the causal one in \(causal), with lookahead keys that say nothing yet "
          + "and as many heads: \(counts[0]) parameters, not \(counts[1])")
      return try LanguageModel(
        fromCausal: causal, plan.model, backend: backend, seed: configuration.seed, note: note)
    }
    return try LanguageModel(plan.model, backend: backend, seed: configuration.seed)
  }
}
