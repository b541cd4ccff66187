import ArgumentParser
import CastleCluster
import CastleConsole
import CastleEvaluation
import CastleFormats
import CastleModel
import CastleOperations
import CastleSystem
import CastleTokenizer
import Foundation

/// `castle evaluate`: how well a model predicts a text, answers questions or copies.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well a model predicts a text, or how it does on tasks.",
    discussion: """
      With --data: loss, perplexity and bits per byte of a folder made by castle prepare (its validation \
      part is read), a token shard, or a text file, which is encoded with the model's tokenizer as one \
      document. Every token but the first is predicted once.

      With --tasks: accuracies and their standard errors. A task is a file of JSON lines, one question \
      each; a folder is all files in it that end in .jsonl, and their mean. The forms:
        {"sentence_good": "…", "sentence_bad": "…"}                  BLiMP
        {"context": "…", "choices": ["…", "…"], "answer": 0}         multiple choice
        {"contexts": ["…", "…"], "continuation": "…", "answer": 0}   choice of context (WinoGrande)
        {"context": "…", "continuation": "…"}                        cloze (LAMBADA)
      The answer is counted from 0. "delimiter", a space if it is not given, stands between context and \
      continuation. scripts/convert-tasks makes these of other forms. acc is the share of questions whose \
      most probable choice is right, acc_norm the same with log-probabilities divided by the bytes of the \
      choice; for cloze, acc is the share that greedy decoding would write. Text is put together and \
      encoded as in lm-eval. Contexts that are too long are cut from the left.

      With --repeated-text: the loss on random tokens and on the same tokens again; the difference is what \
      the model gains by copying from its context.

      Several processes share the work where mpirun or srun starts castle, built with: make build MPI=1. The \
      model and what it is measured on must be where all hosts see them.

      EXAMPLES
        castle evaluate --model runs/first/model --data data/books
        castle evaluate --model runs/first/best --data play.txt --json
        castle evaluate --model runs/first/model \\
          --tasks blimp/data,tasks/arc_easy.jsonl
        castle evaluate --model runs/first/model --tasks tasks/piqa.jsonl --shots 5
        castle evaluate --model runs/first/model --repeated-text
        mpirun -np 4 castle evaluate --model runs/first/model --tasks tasks
      """)

  @Option(help: ArgumentHelp("A model folder.", valueName: "folder"), transform: FilePath.expanded)
  var model: String

  @Option(
    help: ArgumentHelp("A folder made by castle prepare, a token shard, or a text file.", valueName: "path"),
    transform: FilePath.expanded)
  var data: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Task files and folders, separated by commas. Can be repeated.", valueName: "paths"))
  var tasks: [String] = []

  @Flag(help: "Measure in-context copying on repeated random tokens.")
  var repeatedText = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "With --data and --repeated-text: tokens of a sequence (default: as in training).",
      valueName: "tokens"))
  var length: Int?

  @Option(
    name: [.customLong("batch-size"), .customLong("batch")], parsing: .unconditional,
    help: ArgumentHelp("With --data: sequences computed at a time (default: 1).", valueName: "sequences"))
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("With --data: tokens taken from the text (default: 0, all).", valueName: "tokens"))
  var tokens: Int?

  @Flag(help: "With --data: let attention see the document before in the same sequence.")
  var joinDocuments = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("With --tasks: examples before each question (default: 0).", valueName: "count"))
  var shots: Int?

  @Option(
    help: ArgumentHelp(
      "With --shots: a task file to draw the examples from (default: the other questions).",
      valueName: "file"), transform: FilePath.expanded)
  var shotsFrom: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "With --repeated-text: the number of sequences (default: 64).", valueName: "count"))
  var sequences: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "With --shots and --repeated-text: chooses the examples or tokens (default: 1).", valueName: "seed"))
  var seed: UInt64?

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(
    help: "In what precision weights are held: float32, bf16, int8, int4 (default: float32, or as quantised)."
  )
  var weights: WeightFormat?

  @OptionGroup var backendOptions: BackendOptions

  func validate() throws {
    guard [data != nil, !tasks.isEmpty, repeatedText].filter({ $0 }).count == 1 else {
      throw ValidationError("give one of --data, --tasks and --repeated-text")
    }
    try checkOwners()
    try OptionRange.check("--batch-size", batchSize, 1...65_536)
    try OptionRange.check("--length", length, 1...1_048_576)
    try OptionRange.check("--shots", shots, 0...1000)
    try OptionRange.check("--sequences", sequences, 1...1_000_000)
    try OptionRange.check("--tokens", tokens, 0...)
    if let seed, seed > Int.max {
      throw ValidationError("--seed is \(seed), it must be from 0 to \(Int.max)")
    }
  }

  /// Refuses options that would have no effect.
  private func checkOwners() throws {
    let hasShots = (shots ?? 0) > 0
    for (name, isGiven, isUsed, owners) in [
      ("--length", length != nil, tasks.isEmpty, "--data or --repeated-text"),
      ("--batch-size", batchSize != nil, data != nil, "--data"),
      ("--tokens", tokens != nil, data != nil, "--data"),
      ("--join-documents", joinDocuments, data != nil, "--data"),
      ("--shots", shots != nil, !tasks.isEmpty, "--tasks"),
      ("--shots-from", shotsFrom != nil, hasShots, "--shots, which must be more than 0"),
      ("--sequences", sequences != nil, repeatedText, "--repeated-text"),
      ("--seed", seed != nil, hasShots || repeatedText, "--shots or --repeated-text"),
    ] where isGiven && !isUsed {
      throw ValidationError("\(name) goes with \(owners)")
    }
  }

  func run() throws {
    try ClusterSession.run { try run($0) }
  }

  private func run(_ communicator: any Communicator) throws {
    let isMain = communicator.world.isMain
    // What is quickly checked comes before the weights are read.
    let groups = try tasks.flatMap(Self.paths).map { try TaskGroup(path: $0) }
    let examples = TaskExamples(
      count: shots ?? 0, seed: seed ?? 1, source: try shotsFrom.map { try TaskSet(path: $0) })
    let configuration = try ModelConfiguration(folder: model)
    let tokenizer = try TokenizerFile.read(ifPresentIn: model)
    let text = try data.map { path in
      try EvaluationText(path: path, tokenizer: tokenizer, limit: tokens ?? 0) { text in
        if isMain { ProgressLine().note(text) }
      }
    }
    try communicator.requireSame("version of castle", ProgramVersion.number, shows: true)
    try communicator.requireSameFiles([
      ("model", [model]), ("text", [data].compactMap(\.self)),
      ("task", groups.flatMap(\.sets).map(\.path) + [shotsFrom].compactMap(\.self)),
    ])
    let languageModel = try loadModel(configuration, communicator)
    let progress = EvaluationProgress(isShown: isMain)
    Interruption.listen()
    let output: (text: String, json: JSONValue)?
    if let text {
      output = try evaluate(languageModel, text: text, progress, communicator)
    } else if repeatedText {
      output = try evaluateRepeatedText(languageModel, tokenizer, progress, communicator)
    } else {
      output = try evaluate(languageModel, tokenizer, groups, examples, progress, communicator)
    }
    progress.clear()
    guard let output else { throw InputError("interrupted; there is no result") }
    guard isMain else { return }
    print(json ? output.json.text : output.text)
  }

  private func loadModel(
    _ configuration: ModelConfiguration, _ communicator: any Communicator
  ) throws -> LanguageModel {
    let backend = CPUBackend(pool: try backendOptions.makePool(communicator))
    let note = { (text: String) in if communicator.world.isMain { StandardError.note(text) } }
    guard let weights else {
      return try LanguageModel(folder: model, configuration: configuration, backend: backend, note: note)
    }
    return try LanguageModel(
      folder: model, configuration: configuration, weights: weights, backend: backend, note: note)
  }

  /// The paths of one `--tasks`: the commas of a path that exists do not separate.
  private static func paths(_ list: String) throws -> [String] {
    let whole = FilePath.expanded(list)
    if FilePath.exists(whole) { return [whole] }
    return try list.split(separator: ",", omittingEmptySubsequences: false).map { path in
      guard !path.isEmpty else {
        throw InputError("--tasks \(list): a path is empty; give files and folders separated by commas")
      }
      return FilePath.expanded(String(path))
    }
  }

  private func evaluate(
    _ model: LanguageModel, text: EvaluationText, _ progress: EvaluationProgress,
    _ communicator: any Communicator
  ) throws -> (String, JSONValue)? {
    let sequenceLength = min(length ?? Self.usualLength(model), max(text.tokenCount - 1, 1))
    let evaluator = try Evaluator(
      model, batch: batchSize ?? 1, length: sequenceLength,
      separator: joinDocuments ? nil : text.separator, communicator: communicator)
    return try evaluator.evaluate(text) { progress.update($0) }.map { ($0.report, $0.json) }
  }

  private func evaluate(
    _ model: LanguageModel, _ tokenizer: Tokenizer?, _ groups: [TaskGroup], _ examples: TaskExamples,
    _ progress: EvaluationProgress, _ communicator: any Communicator
  ) throws -> (String, JSONValue)? {
    guard let tokenizer else {
      throw InputError("\(self.model) has no tokenizer.json, which tasks need: their files hold text")
    }
    let evaluator = TaskEvaluator(model, tokenizer: tokenizer, communicator: communicator)
    let results = try evaluator.evaluate(groups, examples: examples) { progress.update($1, of: $0.name) }
    guard let results else { return nil }
    progress.clear()
    let cut = results.flatMap(\.sets).reduce(0) { $0 + $1.cutItems }
    if cut > 0, communicator.world.isMain {
      let verb = cut == 1 ? "was" : "were"
      StandardError.write(
        "note: \(NumberFormat.count(cut, "question")) \(verb) cut from the left to the "
          + "\(NumberFormat.count(model.configuration.maximumLength, "token")) that the model reads\n")
    }
    return (TaskReport.text(results), TaskReport.json(results, examples: examples))
  }

  private func evaluateRepeatedText(
    _ model: LanguageModel, _ tokenizer: Tokenizer?, _ progress: EvaluationProgress,
    _ communicator: any Communicator
  ) throws -> (String, JSONValue)? {
    let probe = try RepeatedTextProbe(model, tokenizer: tokenizer, communicator: communicator)
    let result = try probe.evaluate(
      length: length ?? Self.usualLength(model), sequences: sequences ?? 64, seed: seed ?? 1
    ) { progress.update($0) }
    return result.map { ($0.report, $0.json) }
  }

  private static func usualLength(_ model: LanguageModel) -> Int {
    model.configuration.trainingLength ?? model.configuration.maximumLength
  }
}
