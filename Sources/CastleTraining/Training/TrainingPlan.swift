public import CastleCorpus
import CastleEvaluation
package import CastleFormats
public import CastleModel
import CastleOperations
import CastleSystem
import CastleTokenizer
import Foundation

/// What a run will take: parameters, tokens, memory and time.
public struct TrainingPlan: Sendable {
  /// The model.
  public let model: ModelConfiguration
  /// The number of parameters.
  public let parameterCount: Int
  /// The number of optimizer steps.
  public let steps: Int
  /// The number of tokens of a step.
  public let tokensPerStep: Int
  /// The number of tokens of the training text.
  public let textTokens: Int
  /// The memory that the run takes.
  public let memory: PlannedMemory
  /// The bytes that are free.
  public let availableBytes: Int?
  /// The operations of a token.
  public let operationsPerToken: Double
  /// The machine's rate of matrix products, in operations per second.
  public let peakRate: Double

  /// The token that begins a document, if attention must not cross it.
  let separator: Int32?
  /// The windows of the training text.
  let windows: TokenWindows
  /// The texts to evaluate on, the run's own validation text first.
  let sets: [EvaluationText]
  /// What samples begin with.
  let prompts: [SamplePrompt]

  private let refusesShortMemory: Bool

  /// Plans a run. `peakRate` is the machine's rate of matrix products, in operations per second.
  ///
  /// - Throws: ``InputError`` if settings do not fit each other or the text, or a text to evaluate on cannot
  ///   be used.
  public init(_ configuration: TrainingConfiguration, text: PreparedCorpus, peakRate: Double) throws {
    let settings = configuration.training
    model = try configuration.model.configuration(
      vocabularySize: text.tokenizer.vocabularySize, endOfText: text.tokenizer.endOfText,
      length: settings.sequenceLength)
    if let initial = configuration.model.initial, let own = try TokenizerFile.read(ifPresentIn: initial) {
      try text.check(tokenizer: own)
    }
    separator = configuration.data.separatesDocuments ? text.tokenizer.endOfText : nil
    windows = try TokenWindows(shards: text.training.shards, length: settings.sequenceLength)
    sets = try Self.evaluationSets(configuration, text: text)
    for set in sets { try set.checkLength() }
    prompts = try SamplePrompt.all(configuration.samples, text.tokenizer, model: model)
    parameterCount = ParameterLayout(model).parameterCount
    steps = settings.steps
    tokensPerStep = configuration.tokensPerStep
    textTokens = text.training.tokenCount
    refusesShortMemory = settings.checksMemory
    memory = PlannedMemory(model, settings: settings)
    availableBytes = ProcessMemory.available
    operationsPerToken =
      StepWork(model, length: settings.sequenceLength).operations / Double(settings.sequenceLength)
    self.peakRate = peakRate
  }

  private static func evaluationSets(
    _ configuration: TrainingConfiguration, text: PreparedCorpus
  ) throws -> [EvaluationText] {
    let limit = configuration.evaluation.tokens
    let own =
      text.validation == nil
      ? [] : [EvaluationText(name: EvaluationSettings.ownSet, text: text, limit: limit)]
    return try own
      + configuration.evaluation.sets.sorted { $0.key < $1.key }.map { name, folder in
        let other = try configuration.data.open(folder)
        try other.checkTokenizer(isThatOf: text)
        return EvaluationText(name: name, text: other, limit: limit)
      }
  }

  /// The number of tokens of the run.
  public var totalTokens: Int { steps * tokensPerStep }

  /// The seconds that the run would take if it ran at the machine's rate of matrix products.
  public var leastSeconds: Double { Double(totalTokens) * operationsPerToken / peakRate }

  /// - Throws: ``InputError`` with the numbers if the run does not fit into the free memory. With
  ///   `training.check-memory=false` these go to `note` instead.
  public func checkMemory(note: (String) -> Void = { _ in }) throws {
    do {
      try memory.check(available: availableBytes)
    } catch let error as InputError where !refusesShortMemory {
      note("warning: \(error)")
    }
  }

  /// The plan in a few lines.
  public var text: String {
    let epochs = Double(totalTokens) / Double(max(textTokens, 1))
    return """
      parameters   \(NumberFormat.grouped(parameterCount))
      steps        \(NumberFormat.grouped(steps)) of \(NumberFormat.grouped(tokensPerStep)) tokens
      tokens       \(NumberFormat.grouped(totalTokens)), \(NumberFormat.fixed(epochs, 2)) times the text's \(NumberFormat.grouped(textTokens))
      memory       \(NumberFormat.bytes(memory.total)): weights, gradients and moments \(NumberFormat.bytes(memory.parameters)), activations \(NumberFormat.bytes(memory.activations)), program \(NumberFormat.bytes(memory.program)); free \(availableBytes.map(NumberFormat.bytes) ?? "unknown")
      time         at least \(NumberFormat.duration(leastSeconds)) at \(NumberFormat.fixed(peakRate / 1e9, 0)) GFLOP/s, this machine's rate of matrix products
      """
  }

  /// The plan as JSON.
  package var json: JSONObject {
    JSONObject([
      ("parameters", .integer(parameterCount)), ("steps", .integer(steps)),
      ("tokens_per_step", .integer(tokensPerStep)), ("tokens", .integer(totalTokens)),
      ("text_tokens", .integer(textTokens)), ("parameter_bytes", .integer(memory.parameters)),
      ("activation_bytes", .integer(memory.activations)), ("program_bytes", .integer(memory.program)),
      ("available_bytes", availableBytes.map { .integer($0) } ?? .null),
      ("operations_per_token", .number(operationsPerToken)), ("operations_per_second", .number(peakRate)),
      ("least_seconds", .number(leastSeconds)),
    ])
  }
}
