import ArgumentParser
import CastleConsole
import CastleCorpus
import CastleFormats
import CastleSystem
import CastleTensors
import CastleTokenizer
import Foundation

/// `castle tokenizer`: makes tokenizers.
struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer",
    abstract: "Train or convert a tokenizer.",
    subcommands: [Train.self, Convert.self])
}

extension TokenizerCommand {
  /// `castle tokenizer train`.
  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Learn a tokenizer from text.",
      discussion: """
        Learns a byte-level byte-pair encoding and writes it as tokenizer.json, which Python's tokenizers \
        and transformers read too. Files and folders are read as `castle prepare` does. The first token is \
        <|endoftext|>, which ends documents.

        EXAMPLES
          castle tokenizer train --vocab-size 4096 --output tokenizer.json plays/
          castle tokenizer train --vocab-size 32768 --pre-tokenizer cl100k \\
            --special-tokens '<|endoftext|>' '<|user|>' \\
            --output tokenizer.json -- web-*.jsonl.gz
        """)

    @Option(parsing: .unconditional, help: ArgumentHelp("The number of tokens.", valueName: "tokens"))
    var vocabSize = 4096

    @Option(
      name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
      transform: FilePath.expanded)
    var output: String

    @OptionGroup var corpus: CorpusOptions

    @Option(help: ArgumentHelp("How text is cut before pairs are merged.", valueName: "kind"))
    var preTokenizer = PreTokenizerArgument(.gpt2)

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Pairs that occur less often are not merged.", valueName: "count"))
    var minimumFrequency = 2

    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp(
        "Tokens that stand for themselves; one must be <|endoftext|> for `castle prepare`.",
        valueName: "token"))
    var specialTokens = ["<|endoftext|>"]

    @OptionGroup var backend: BackendOptions

    @Flag(help: "Print one JSON object with the result on standard output, and no progress.")
    var json = false

    func validate() throws {
      try OptionRange.check("--minimum-frequency", minimumFrequency, 1...)
    }

    func run() throws {
      let pool = try backend.makePool()
      // A file that cannot be written is an error before the work, not after it.
      let file = try AtomicFile(path: output)
      var trainer = TokenizerTrainer()
      trainer.vocabularySize = vocabSize
      trainer.minimumFrequency = minimumFrequency
      trainer.specialTokens = specialTokens
      trainer.preTokenizer = preTokenizer.kind
      let start = ContinuousClock.now
      let notes = ProgressLine()
      let line = json ? nil : notes
      Interruption.listen()
      let tokenizer = try trainer.train(corpus.input, pool: pool) { progress in
        try ProgressText.checkInterruption()
        line?.update(Self.text(progress, after: start.duration(to: .now)))
      } note: {
        notes.note($0.text(spelling: CommandLineSpelling.option))
      }
      line?.finish()
      try file.write(TokenizerFile.json(tokenizer))
      try file.commit()
      if tokenizer.vocabularySize < vocabSize {
        line?.note("note: the text has no more pairs that occur \(minimumFrequency) times")
      }
      let seconds = NumberFormat.fixed(start.duration(to: .now) / .seconds(1), 1)
      print(
        json
          ? #"{"tokens":\#(tokenizer.vocabularySize),"merges":\#(tokenizer.mergeList.count),"#
            + #""seconds":\#(seconds)}"#
          : "\(output): \(NumberFormat.grouped(tokenizer.vocabularySize)) tokens, learned in \(seconds) s")
    }

    private static func text(_ progress: TokenizerTrainer.Progress, after time: Duration) -> String {
      switch progress {
      case .counting(let done, let all):
        "counting pre-tokens  " + ProgressText.bytes(done, of: all, after: time)
      case .merging(let done, let all):
        "learning merges  \(NumberFormat.grouped(done)) of \(NumberFormat.grouped(all))"
      }
    }
  }

  /// `castle tokenizer convert`.
  struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a tokenizer as tokenizer.json.",
      discussion: """
        EXAMPLES
          castle tokenizer convert --tokenizer gpt2 --output tokenizer.json
        """)

    @OptionGroup var source: TokenizerOptions

    @Option(
      name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
      transform: FilePath.expanded)
    var output: String

    func run() throws {
      let tokenizer = try source.read()
      try TokenizerFile.write(tokenizer, path: output)
      print("\(output): \(NumberFormat.grouped(tokenizer.vocabularySize)) tokens")
    }
  }
}

/// The argument of `--pre-tokenizer`.
struct PreTokenizerArgument: ExpressibleByArgument {
  let kind: PreTokenizerKind

  init(_ kind: PreTokenizerKind) { self.kind = kind }

  init?(argument: String) {
    guard let kind = PreTokenizerKind(rawValue: argument) else { return nil }
    self.kind = kind
  }

  var defaultValueDescription: String { kind.rawValue }

  static var allValueStrings: [String] { PreTokenizerKind.allCases.map(\.rawValue) }
}
