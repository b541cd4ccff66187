public import CastleCluster
import CastleCorpus
import CastleEvaluation
package import CastleFormats
public import CastleModel
import CastleOperations
import CastleSystem
import CastleTokenizer
import Foundation

/// What a run will take: parameters, tokens, memory and operations. Planning reads the texts and takes no
/// memory.
public struct TrainingPlan: Sendable {
  /// What to train on.
  public let data: TrainingData
  /// The model.
  public let model: ModelConfiguration
  /// The number of parameters.
  public let parameterCount: Int
  /// The number of optimizer steps.
  public let steps: Int
  /// The number of tokens of a step.
  public let tokensPerStep: Int
  /// The memory that the run takes.
  public let memory: PlannedMemory
  /// The bytes that are free.
  public let availableBytes: Int?
  /// The operations of a token.
  public let operationsPerToken: Double

  /// The token that begins a document, if attention must not cross it.
  let separator: Int32?
  /// The sequences of each text.
  let sequences: [TokenSequences]
  /// The number of all sequences to train on; 0 where there is no end to them.
  let sequenceCount: Int
  /// The texts to evaluate on, the run's own first.
  let sets: [EvaluationText]
  /// The sequences of a probe to evaluate on, those like the ones of training first.
  let heldOut: [HeldOutSet]
  /// What samples begin with.
  let prompts: [SamplePrompt]

  private let refusesShortMemory: Bool
  /// The weights of the first of ``sets``, whose mean loss decides which checkpoint is best.
  private let setWeights: [Double]

  /// The ranks that do the work.
  private let world: World

  /// Plans a run, whose work the ranks of `world` share.
  ///
  /// - Throws: ``InputError`` if settings do not fit each other or the text, or a text cannot be used.
  public init(_ configuration: TrainingConfiguration, world: World = .single) throws {
    let settings = configuration.training
    try settings.checkRanks(world)
    self.world = world
    data = try TrainingData(configuration)
    let text = data.text
    model = try configuration.model.configuration(
      vocabularySize: data.vocabularySize, endOfText: text?.tokenizer.endOfText,
      length: settings.sequenceLength)
    try settings.checkSequenceRanks(model, world)
    if let text, let start = configuration.model.startingFolder,
      let own = try TokenizerFile.read(ifPresentIn: start)
    {
      try text.parts[0].corpus.check(tokenizer: own)
    }
    separator = configuration.data.separatesDocuments ? text?.tokenizer.endOfText : nil
    sequences = try text?.sequences(length: settings.sequenceLength) ?? []
    sequenceCount = data.probe?.sequenceCount ?? sequences.reduce(0) { $0 + $1.count }
    steps = try configuration.steps(sequenceCount: sequenceCount)
    let validated = text?.parts.filter { $0.corpus.validation != nil } ?? []
    sets =
      try validated.map {
        EvaluationText(name: $0.name, text: $0.corpus, limit: configuration.evaluation.tokens)
      }
      + (text.map { try Self.furtherSets(configuration, text: $0) } ?? [])
    heldOut = data.probe.map { HeldOutSet.all(of: $0, tokens: configuration.evaluation.tokens) } ?? []
    setWeights = validated.isEmpty ? (sets.isEmpty ? [] : [1]) : validated.map(\.weight)
    for set in sets { try set.checkLength() }
    if configuration.evaluation.patience > 0, sets.isEmpty, heldOut.isEmpty {
      throw InputError(
        subject: "evaluation.patience", problem: "needs a text to evaluate on, but there is none",
        remedy: "prepare the text with a validation part or name one in evaluation.sets")
    }
    if let text {
      prompts = try SamplePrompt.all(configuration.samples, text.tokenizer, model: model)
    } else {
      prompts = []
    }
    parameterCount = ParameterLayout(model).parameterCount
    tokensPerStep = configuration.tokensPerStep
    refusesShortMemory = settings.checksMemory
    memory = PlannedMemory(model, settings: settings, world: world)
    availableBytes = ProcessMemory.available
    operationsPerToken =
      StepWork(model, length: settings.sequenceLength).operations / Double(settings.sequenceLength)
  }

  private static func furtherSets(
    _ configuration: TrainingConfiguration, text: TrainingText
  ) throws -> [EvaluationText] {
    try configuration.evaluation.sets.sorted { $0.key < $1.key }.map { name, folder in
      let other = try configuration.data.open(folder)
      try other.checkTokenizer(isThatOf: text.parts[0].corpus)
      return EvaluationText(name: name, text: other, limit: configuration.evaluation.tokens)
    }
  }

  /// The loss that decides which checkpoint is best: that of the run's own validation text, or of a mixture's
  /// by their weights; without one, that of the first further set. Nil if there is nothing to evaluate on.
  func decisiveLoss(_ results: [EvaluationMetrics]) -> Double? {
    guard let first = results.first else { return nil }
    guard setWeights.count > 1 else { return first.result.loss }
    let sum = zip(results, setWeights).reduce(0) { $0 + $1.0.result.loss * $1.1 }
    return sum / setWeights.reduce(0, +)
  }

  /// The batches of a run from `position` on, those of one rank of `world`, or of a group of ranks.
  package func batches(_ configuration: TrainingConfiguration, position: Int, world: World) -> any BatchSource
  {
    let batchSize = configuration.training.batchSize
    switch data {
    case .text(let text):
      return TokenBatches(
        texts: sequences, mixture: text.mixture, batchSize: batchSize, seed: configuration.seed,
        separator: separator, position: position, world: world)
    case .probe(let source):
      return ProbeBatches(source, batchSize: batchSize, position: position, world: world)
    }
  }

  /// The number of tokens of the run.
  public var totalTokens: Int { steps * tokensPerStep }

  /// The number of tokens of the training text, or of a probe's sequences; 0 where there is no end to them.
  public var textTokens: Int { data.tokenCount }

  /// The operations of the whole run.
  public var operations: Double { Double(totalTokens) * operationsPerToken }

  /// How often each text of a mixture is seen, by name.
  public var epochsByText: [(name: String, epochs: Double)] {
    guard let text = data.text, let mixture = text.mixture else { return [] }
    let position = totalTokens / sequences[0].length
    return zip(text.parts, sequences).enumerated().map { index, part in
      (part.0.name, Double(mixture.count(of: index, before: position)) / Double(part.1.count))
    }
  }

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
  public var summary: String {
    let grouped = NumberFormat.grouped
    let bytes = NumberFormat.bytes
    let epochs = NumberFormat.fixed(Double(totalTokens) / Double(max(textTokens, 1)), 2)
    let parts =
      "weights, gradients and moments \(bytes(memory.parameters)), activations \(bytes(memory.activations)), "
      + "program \(bytes(memory.program))"
    let lines = [
      "parameters   \(grouped(parameterCount))",
      "steps        \(grouped(steps)) of \(grouped(tokensPerStep)) tokens",
      "tokens       \(grouped(totalTokens))"
        + (textTokens > 0 ? ", \(epochs) times the text's \(grouped(textTokens))" : ", all of them new"),
    ]
    let texts = epochsByText.map { "             \($0.name) \(NumberFormat.fixed($0.epochs, 2)) times" }
    let free = availableBytes.map(bytes) ?? "unknown"
    let rank = world.size > 1 ? " on each of \(world.size) ranks" : ""
    return (lines + texts + ["memory       \(bytes(memory.total))\(rank): \(parts); free \(free)"])
      .joined(separator: "\n")
  }

  /// The plan as members of a JSON object.
  package var members: JSONValue.Members {
    [
      "parameters": .integer(parameterCount), "steps": .integer(steps),
      "tokens_per_step": .integer(tokensPerStep), "tokens": .integer(totalTokens),
      "text_tokens": .integer(textTokens), "parameter_bytes": .integer(memory.parameters),
      "activation_bytes": .integer(memory.activations), "program_bytes": .integer(memory.program),
      "available_bytes": availableBytes.map { .integer($0) } ?? .null,
      "operations_per_token": .number(operationsPerToken),
    ]
  }
}
