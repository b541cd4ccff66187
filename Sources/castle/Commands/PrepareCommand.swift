import ArgumentParser
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
      Every .txt or .md file is one document, or several with a separator line between them; every line of a .jsonl file \
      is an object with the document under "text". Folders are read with all folders in them, in order of their names. \
      Every document is followed by the end-of-text token. The output folder holds train_000000.bin, …, \
      val_000000.bin, … (the form of llm.c), tokenizer.json and manifest.json. It appears whole or not at all, and has \
      the same bytes at any number of threads.

      A corpus of a single document is cut near its end, and the rest is for validation. To choose among the documents of \
      .jsonl files or between separators, the text is read once more.

      EXAMPLES
        castle prepare --tokenizer tokenizer.json --output data/plays plays/
        castle prepare --tokenizer gpt2 --output data/web \\
          --validation-documents 1000 web-*.jsonl
        castle prepare --tokenizer tokenizer.json --output data/tales \\
          --separator '<|endoftext|>' tales.txt
      """)

  @Option(
    help: ArgumentHelp(
      "A tokenizer.json, or a folder that holds one or GPT-2's vocab.json and merges.txt.", valueName: "file")
  )
  var tokenizer: String

  @Option(name: [.short, .long], help: ArgumentHelp("The folder to make.", valueName: "folder"))
  var output: String

  @Argument(help: ArgumentHelp("Files and folders of text.", valueName: "text"))
  var paths: [String]

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

  @Option(help: ArgumentHelp("The member of a JSON line that holds the text.", valueName: "name"))
  var textField = "text"

  @Option(help: "What to do with bytes that are not UTF-8: replace them with U+FFFD, keep them, or refuse.")
  var invalidUTF8 = InvalidUTF8.replace

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
    guard !paths.isEmpty else { throw ValidationError("give at least one file or folder of text") }
  }

  func run() throws {
    let pool = try backend.makePool()
    let start = ContinuousClock.now
    let line = json ? nil : ProgressLine()
    Interruption.listen()
    var encodingStart = start
    let manifest = try preparation.run(
      paths: paths, tokenizerPath: tokenizer, output: output, pool: pool
    ) { progress in
      try ProgressText.checkInterruption()
      switch progress {
      case .choosing(let done, let all):
        encodingStart = .now
        let text = ProgressText.bytes(done, of: all, after: start.duration(to: encodingStart))
        line?.update("choosing validation documents  " + text)
      case .encoding(let done, let all):
        line?.update(ProgressText.bytes(done, of: all, after: encodingStart.duration(to: .now)))
      }
    }
    line?.finish()
    if json { return print(String(decoding: try manifest.json(), as: UTF8.self), terminator: "") }
    report(manifest, seconds: start.duration(to: .now) / .seconds(1), line: line)
  }

  private var preparation: CorpusPreparation {
    var preparation = CorpusPreparation()
    if let validationFraction { preparation.validation = .fraction(validationFraction) }
    if let validationDocuments { preparation.validation = .documents(validationDocuments) }
    preparation.seed = seed
    preparation.shardTokens = shardTokens
    preparation.separator = separator
    preparation.textField = textField
    preparation.replacesOutput = overwrite
    switch invalidUTF8 {
    case .replace: preparation.invalidBytes = .replaced
    case .keep: preparation.invalidBytes = .kept
    case .refuse: preparation.invalidBytes = nil
    }
    return preparation
  }

  private func report(_ manifest: CorpusManifest, seconds: Double, line: ProgressLine?) {
    for (name, split) in [("train", manifest.train), ("validation", manifest.validation)] {
      let ratio = Double(split.bytes) / Double(max(split.tokens, 1))
      print(
        "\(name): \(NumberFormat.count(split.documents, "document")), \(NumberFormat.bytes(split.bytes)) of text, "
          + "\(NumberFormat.count(split.tokens, "token")) (\(NumberFormat.fixed(ratio, 2)) bytes each), "
          + NumberFormat.count(split.shards.count, "shard"))
    }
    let rate = Double(manifest.sourceBytes) / 1e6 / seconds
    print("\(output): made in \(NumberFormat.fixed(seconds, 1)) s, \(NumberFormat.fixed(rate, 1)) MB/s")
    if manifest.invalidDocuments > 0 {
      let done = manifest.invalidBytes == .kept ? "kept" : "replaced with U+FFFD"
      line?.note(
        "note: \(manifest.invalidDocuments) documents have bytes that are not UTF-8; they were \(done)")
    }
    if manifest.emptyDocuments > 0 {
      line?.note("note: \(manifest.emptyDocuments) documents without text were left out")
    }
    if manifest.validation.documents == 0 {
      line?.note("note: no document is kept for validation")
    }
  }
}

/// What a progress line says of work that goes through bytes.
enum ProgressText {
  /// Ends work that someone asked to end.
  static func checkInterruption() throws {
    if Interruption.isRequested { throw InputError("interrupted; nothing was written") }
  }

  /// The share that is done, the rate, and the time that is left.
  static func bytes(_ done: Int, of all: Int, after time: Duration) -> String {
    let seconds = max(time / .seconds(1), 1e-6)
    let rate = Double(done) / seconds
    let left = rate > 0 ? NumberFormat.duration(Double(all - done) / rate) : "?"
    let share = NumberFormat.fixed(100 * Double(done) / Double(max(all, 1)), 0)
    return "\(share) %  \(NumberFormat.bytes(done)) of \(NumberFormat.bytes(all))  "
      + "\(NumberFormat.fixed(rate / 1e6, 1)) MB/s  \(left) left"
  }
}
