import CastleFormats
public import CastleTensors
public import CastleTokenizer

/// Makes token shards of text.
///
/// The folder that it makes holds `train_000000.bin`, … and `val_000000.bin`, … (see ``TokenShard``), the
/// tokenizer, and `manifest.json` (see ``CorpusManifest``). Every document is followed by the end-of-text token.
/// The names of special tokens in documents are ordinary text, so no document can forge its end. The same input
/// gives the same bytes at any number of threads.
public struct CorpusPreparation: Sendable {
  /// How many documents are kept for validation.
  public var validation = ValidationSize.fraction(0.01)
  /// Chooses the validation documents.
  public var seed: UInt64 = 0
  /// The most tokens in a shard.
  public var shardTokens = 100_000_000
  /// What becomes of bytes that are not UTF-8; nil if they are an error.
  public var invalidBytes: InvalidBytes? = .replaced
  /// A line of a text file that stands between two documents; nil if every file is one document.
  public var separator: String?
  /// The member of a JSON line that holds the text.
  public var textField = "text"
  /// Whether a folder of the same name is replaced, if it holds nothing but what a preparation makes.
  public var replacesOutput = false

  /// Documents of 1 in 100 for validation, shards of a hundred million tokens.
  public init() {}

  /// How far preparation is.
  public enum Progress: Sendable, Hashable {
    /// Documents are counted, to choose some for validation: so many bytes are done, of so many. Skipped where every
    /// file is one document.
    case choosing(done: Int, all: Int)
    /// Tokens are made and written: so many bytes of text are done, of so many.
    case encoding(done: Int, all: Int)
  }

  /// Reads the files and folders at `paths` and makes the folder `output`, whole or not at all.
  ///
  /// A file is taken whatever its name if it is named itself; those that end in `.jsonl` are JSON lines, all others
  /// text. From folders, and folders in folders, come the files that end in `.txt`, `.md` or `.jsonl`, in order of
  /// their names; names that start with a dot are left out.
  ///
  /// - Parameters:
  ///   - tokenizerPath: Where the tokenizer lies.
  ///   - pool: The threads to work on.
  ///   - progress: Called now and then. If it throws, nothing is made.
  /// - Returns: What was made.
  /// - Throws: ``InputError`` if something cannot be read, makes no sense, or cannot be written.
  public func run(
    paths: [String], tokenizerPath: String, output: String, pool: ThreadPool,
    progress: (Progress) throws -> Void = { _ in }
  ) throws -> CorpusManifest {
    try checkOutput(output)
    let tokenizer = try TokenizerFile.read(path: tokenizerPath)
    guard let endOfText = tokenizer.endOfText else {
      throw InputError(
        "\(tokenizerPath) has no end-of-text token; it needs an added token \"<|endoftext|>\"")
    }
    guard tokenizer.missingBytes.isEmpty else {
      throw InputError(
        "\(tokenizerPath) has no token for \(tokenizer.missingBytes.count) of the 256 bytes, so text would be lost; "
          + "train one that has them all")
    }
    guard (1...TokenShardHeader.mostTokens).contains(shardTokens) else {
      throw InputError("shards of \(shardTokens) tokens are impossible; from 1 to 2147483647 is right")
    }
    if let separator, separator.isEmpty || separator.contains(where: \.isWhitespace) {
      throw InputError("the separator \"\(separator)\" is empty or has white space; it must be one word")
    }
    let files = try CorpusFile.find(paths)
    let cutter = PieceCutter(
      tokenizer: tokenizer, specialTokens: .ordinary, separator: Array((separator ?? "").utf8))
    let all = files.reduce(0) { $0 + $1.byteCount }
    let source = PieceText(invalidBytes: invalidBytes, field: textField)
    let choice = try ValidationChoice(
      validation, seed: seed, files: files, cutter: cutter, source: source, pool: pool
    ) { try progress(.choosing(done: $0, all: all)) }
    var manifest: CorpusManifest?
    try AtomicFolder.write(to: output, replaces: replacesOutput) { folder in
      let writer = CorpusWriter(
        folder: folder, tokenizer: tokenizer, endOfText: endOfText, choice: choice, shardTokens: shardTokens,
        pool: pool)
      let reader = CorpusReader(files, cutter: cutter, cut: choice.cut)
      try encode(reader, source: source, tokenizer: tokenizer, pool: pool, into: writer) {
        try progress(.encoding(done: $0, all: all))
      }
      manifest = try writer.finish(self, files: files)
    }
    return manifest!
  }

  /// Throws if something has the name `output` that is not to be replaced.
  private func checkOutput(_ output: String) throws {
    let present = try AtomicFolder.entries(of: output) ?? []
    guard replacesOutput || present.isEmpty else {
      throw InputError(
        subject: "\(output)", problem: "exists and is not empty",
        remedy: "choose another folder or replace it (\(.replace))")
    }
    if let stranger = present.sorted().first(where: { !CorpusManifest.isPart($0) }) {
      throw InputError(
        "\(output) holds \(stranger), which is no part of a prepared corpus: choose another folder")
    }
  }

  private func encode(
    _ reader: CorpusReader, source: PieceText, tokenizer: Tokenizer, pool: ThreadPool,
    into writer: CorpusWriter, progress: (Int) throws -> Void
  ) throws {
    let encoders = (0..<pool.threadCount).map { _ in TokenEncoder(tokenizer) }
    try CorpusPipeline(pool: pool).run(
      reader,
      work: { item, thread in
        var result = EncodedItem()
        result.tokens.reserveCapacity(item.bytes.count / 2)
        for piece in item.pieces.indices {
          try source.withText(piece, of: item) { text, wasInvalid in
            encoders[thread].encodeChecked(text, specialTokens: .ordinary, into: &result.tokens)
            result.pieces.append(
              EncodedItem.Piece(tokenEnd: result.tokens.count, byteCount: text.count, wasInvalid: wasInvalid))
          }
        }
        return result
      },
      deliver: writer.append, progress: progress)
  }
}

/// The tokens of an item.
struct EncodedItem {
  /// What became of one piece.
  struct Piece {
    /// Where its tokens end.
    var tokenEnd: Int
    /// The number of bytes that they stand for.
    var byteCount: Int
    /// Whether there were bytes that are not UTF-8.
    var wasInvalid: Bool
  }

  var tokens: [Int32] = []
  var pieces: [Piece] = []
}
