import ArgumentParser
import CastleCluster
import CastleConsole
import CastleCorpus
import CastleFormats
import CastleSystem
import CastleTensors
import CastleTokenizer
import Foundation

/// `castle prepare`: text to token shards.
struct PrepareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Turn files and folders of text into token shards to train on.",
    discussion: """
      .txt, .md and .text files are one document each, or several with a separator line between them; every \
      line of a .jsonl or .ndjson file is an object with the document under "text". Each may be compressed \
      (.gz, .zst), and in UTF-8, UTF-16 or UTF-32. Folders are read with all folders in them, in order of \
      their names. A file that is named twice is read once. Every document is followed by the end-of-text \
      token. The output folder holds train_000000.bin, …, val_000000.bin, … (the form of llm.c), \
      tokenizer.json and manifest.json. It appears whole or not at all, and has the same bytes at any number \
      of threads and processes.

      Started by mpirun or srun (built with: make build MPI=1), the first process reads the text and writes \
      the folder, and all of them make tokens. Only the first must see the text; the tokenizer must be where \
      all hosts see it.

      A corpus of a single document is cut near its end, and the rest is for validation. To choose among the \
      documents of JSON lines, of compressed files or between separators, and to find the equal ones, the \
      text is read once more; standard input is copied beside the output for that. Equal documents go to the \
      same part, training or validation.

      Parquet files, such as those of FineWeb-Edu, are piped in with Python's pyarrow (or datasets); see the \
      last example.

      EXAMPLES
        castle prepare --tokenizer tokenizer.json --output data/plays plays/
        castle prepare --tokenizer gpt2 --output data/web \\
          --validation-documents 1000 --deduplicate web-*.jsonl.zst
        castle prepare --tokenizer tokenizer.json --output data/tales \\
          --separator '<|endoftext|>' tales.txt
        mpirun -np 4 castle prepare --tokenizer gpt2 --output data/web \\
          web-*.jsonl.zst
        find pages -name '*.html.txt' -print0 |
          castle prepare --tokenizer gpt2 --output data/pages --files-from -
        python3 -c '
        import json, sys, pyarrow.parquet as parquet
        for file in sys.argv[1:]:
          for rows in parquet.ParquetFile(file).iter_batches(columns=["text"]):
            for text in rows.column(0):
              print(json.dumps({"text": text.as_py()}))
        ' fineweb-edu/*.parquet |
          castle prepare --tokenizer gpt2 --output data/edu --format jsonl -
      """)

  @Option(
    help: ArgumentHelp(
      "A tokenizer.json, or a folder that holds one or GPT-2's vocab.json and merges.txt.",
      valueName: "file"),
    transform: FilePath.expanded)
  var tokenizer: String

  @Option(
    name: [.short, .long], help: ArgumentHelp("The folder to make.", valueName: "folder"),
    transform: FilePath.expanded)
  var output: String

  @OptionGroup var corpus: CorpusOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The share of the documents for validation (default: 0.01).", valueName: "share"))
  var validationFraction: Double?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The number of documents for validation.", valueName: "count")
  )
  var validationDocuments: Int?

  @Option(parsing: .unconditional, help: "Chooses the validation documents.", transform: Seed.parse)
  var seed: UInt64 = 0

  @Option(parsing: .unconditional, help: ArgumentHelp("The most tokens in a shard.", valueName: "tokens"))
  var shardTokens = 100_000_000

  @Option(help: ArgumentHelp("A line of a text file that stands between two documents.", valueName: "line"))
  var separator: String?

  @Option(help: "What to do with bytes that are not UTF-8: replace them with U+FFFD, keep them, or refuse.")
  var invalidUTF8 = InvalidUTF8.replace

  @Flag(
    help: "Leave out documents whose text an earlier one has; about 30 bytes of memory for each document.")
  var deduplicate = false

  @OptionGroup var backend: BackendOptions

  @Flag(help: "Replace the output folder if it exists; if it is a symbolic link, the folder it leads to.")
  var overwrite = false

  @Flag(help: "Print the manifest as JSON on standard output, and no progress.")
  var json = false

  /// The choices for bytes that are not UTF-8.
  enum InvalidUTF8: String, ExpressibleByArgument, CaseIterable {
    case replace, keep, refuse
  }

  func validate() throws {
    guard validationFraction == nil || validationDocuments == nil else {
      throw ValidationError("give either --validation-fraction or --validation-documents, not both")
    }
  }

  func run() throws {
    try ClusterSession.run { communicator in
      let pool = try backend.makePool(communicator)
      try communicator.requireSame("version of castle", ProgramVersion.number, shows: true)
      guard !communicator.world.isMain else { return try prepare(pool, communicator) }
      Interruption.listen()
      try preparation.assist(
        tokenizerPath: tokenizer, textKey: corpus.input.textKey, pool: pool, communicator: communicator
      ) { Interruption.isRequested }
    }
  }

  private func prepare(_ pool: ThreadPool, _ communicator: any Communicator) throws {
    let start = ContinuousClock.now
    let notes = ProgressLine()
    let line = json ? nil : notes
    Interruption.listen()
    var encodingStart = start
    let manifest = try preparation.run(
      corpus.input, tokenizerPath: tokenizer, output: output, pool: pool, communicator: communicator
    ) { progress in
      try ProgressText.checkInterruption()
      switch progress {
      case .copying(let done):
        encodingStart = .now
        let text = ProgressText.bytes(done, of: 0, after: start.duration(to: encodingStart))
        line?.update("reading standard input  " + text)
      case .choosing(let done, let all):
        encodingStart = .now
        let text = ProgressText.bytes(done, of: all, after: start.duration(to: encodingStart))
        line?.update("choosing validation documents  " + text)
      case .encoding(let done, let all):
        line?.update(ProgressText.bytes(done, of: all, after: encodingStart.duration(to: .now)))
      }
    } note: {
      notes.note($0.text(spelling: CommandLineSpelling.option))
    }
    line?.finish()
    if json {
      print(String(decoding: try manifest.json(), as: UTF8.self), terminator: "")
    } else {
      report(manifest, output: output, seconds: start.duration(to: .now) / .seconds(1))
    }
    PreparationNotes(manifest).lines.forEach(notes.note)
  }

  private var preparation: CorpusPreparation {
    var preparation = CorpusPreparation()
    if let validationFraction { preparation.validation = .fraction(validationFraction) }
    if let validationDocuments { preparation.validation = .documents(validationDocuments) }
    preparation.seed = seed
    preparation.shardTokens = shardTokens
    preparation.separator = separator
    preparation.removesDuplicates = deduplicate
    preparation.replacesOutput = overwrite
    switch invalidUTF8 {
    case .replace: preparation.invalidBytes = .replaced
    case .keep: preparation.invalidBytes = .kept
    case .refuse: preparation.invalidBytes = nil
    }
    return preparation
  }

  private func report(_ manifest: CorpusManifest, output: String, seconds: Double) {
    for (name, split) in [("train", manifest.train), ("validation", manifest.validation)] {
      let ratio = Double(split.bytes) / Double(max(split.tokens, 1))
      print(
        "\(name): \(NumberFormat.count(split.documents, "document")), "
          + "\(NumberFormat.bytes(split.bytes)) of text, \(NumberFormat.count(split.tokens, "token")) "
          + "(\(NumberFormat.fixed(ratio, 2)) bytes each), "
          + NumberFormat.count(split.shards.count, "shard"))
    }
    let rate = Double(manifest.sourceBytes) / 1e6 / seconds
    print("\(output): made in \(NumberFormat.fixed(seconds, 1)) s, \(NumberFormat.fixed(rate, 1)) MB/s")
  }
}
