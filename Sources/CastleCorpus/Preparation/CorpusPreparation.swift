public import CastleCluster
public import CastleFormats
public import CastleTensors
public import CastleTokenizer

/// Makes token shards of text.
///
/// The folder that it makes holds `train_000000.bin`, … and `val_000000.bin`, … (see ``TokenShard``), the
/// tokenizer, and `manifest.json` (see ``CorpusManifest``). Every document is followed by the end-of-text
/// token. The names of special tokens in documents are ordinary text, so no document can forge its end. The
/// same input gives the same bytes at any number of threads, and of ranks.
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
  /// Whether documents are left out whose text an earlier one has. They are counted in any case.
  public var removesDuplicates = false
  /// Whether a folder of the same name is replaced, if it holds nothing but what a preparation makes.
  public var replacesOutput = false

  /// Documents of 1 in 100 for validation, shards of a hundred million tokens.
  public init() {}

  /// How far preparation is. `all` is 0 for pipes, whose length is known only at their end.
  public enum Progress: Sendable, Hashable {
    /// A pipe is copied beside the output, so that it can be read twice: so many bytes are done.
    case copying(done: Int)
    /// Documents are counted and compared, to choose some for validation: so many bytes are done, of so many.
    /// Skipped where every file is one document.
    case choosing(done: Int, all: Int)
    /// Tokens are made and written: so many bytes of text are done, of so many.
    case encoding(done: Int, all: Int)
  }

  /// Reads the files and folders at `paths` as ``CorpusInput`` says and makes the folder `output`.
  ///
  /// See ``run(_:tokenizerPath:output:pool:progress:note:)``.
  public func run(
    paths: [String], tokenizerPath: String, output: String, pool: ThreadPool,
    progress: (Progress) throws -> Void = { _ in }, note: (ErrorText) -> Void = { _ in }
  ) throws -> CorpusManifest {
    try run(
      CorpusInput(paths), tokenizerPath: tokenizerPath, output: output, pool: pool, progress: progress,
      note: note)
  }

  /// Reads a corpus and makes the folder `output`, whole or not at all.
  ///
  /// A document whose text another one has goes where the first of them goes, to training or validation.
  /// Documents of white space alone are left out.
  ///
  /// - Parameters:
  ///   - input: The text.
  ///   - tokenizerPath: The path of the tokenizer.
  ///   - pool: The threads to work on.
  ///   - communicator: The ranks that make tokens of what the main rank, which calls this, reads. The others
  ///     call ``assist(tokenizerPath:textKey:pool:communicator:isInterrupted:)``.
  ///   - progress: Called now and then. If it throws, nothing is made.
  ///   - note: Told what is unusual, in one line each.
  /// - Returns: What was made.
  /// - Throws: ``InputError`` if something cannot be read, makes no sense, or cannot be written.
  public func run(
    _ input: CorpusInput, tokenizerPath: String, output: String, pool: ThreadPool,
    communicator: any Communicator = SingleProcess(),
    progress: (Progress) throws -> Void = { _ in }, note: (ErrorText) -> Void = { _ in }
  ) throws -> CorpusManifest {
    precondition(communicator.world.isMain, "the main rank reads and writes")
    let tokenizer = try tokenizer(tokenizerPath, communicator: communicator) {
      try checkOutput(output)
      try checkSettings()
    }
    let helpers = try HelperRanks(communicator, pool: pool)
    do {
      return try run(
        input, tokenizer: tokenizer, output: output, pool: pool, helpers: helpers, progress: progress,
        note: note)
    } catch {
      helpers.dismiss()
      throw error
    }
  }

  /// Makes tokens of what the main rank reads, until that is done with its corpus, as one of the other ranks
  /// of `communicator`. The settings must be those of the main rank, but validation, shards and output are
  /// its matter alone.
  ///
  /// - Parameters:
  ///   - tokenizerPath: The path of the tokenizer.
  ///   - textKey: The key of a JSON line that holds the text.
  ///   - pool: The threads to work on.
  ///   - communicator: The ranks.
  ///   - isInterrupted: Whether someone has asked to end; all ranks end then, and nothing is made.
  /// - Throws: ``InputError`` if the tokenizer cannot be read or is not that of the main rank, or someone has
  ///   asked to end.
  public func assist(
    tokenizerPath: String, textKey: String, pool: ThreadPool, communicator: any Communicator,
    isInterrupted: () -> Bool
  ) throws {
    let tokenizer = try tokenizer(tokenizerPath, communicator: communicator)
    let helper = try HelperRanks(communicator, pool: pool)
    let encoder = PieceEncoder(
      tokenizer, source: PieceText(invalidBytes: invalidBytes, key: textKey), threads: pool.threadCount,
      findsEndLines: separator == nil)
    try helper.assist(encoder, pool: pool, isInterrupted: isInterrupted)
  }

  /// The tokenizer, which must be the same on every rank. The main rank does `check` besides.
  private func tokenizer(
    _ path: String, communicator: any Communicator, check: () throws -> Void = {}
  ) throws -> Tokenizer {
    let tokenizer = try communicator.onEveryRank {
      try check()
      let tokenizer = try TokenizerFile.read(path: path)
      try self.check(tokenizer, path: path)
      return tokenizer
    }
    guard communicator.world.size > 1 else { return tokenizer }
    let digest = Digest()
    digest.update(TokenizerFile.json(tokenizer))
    try communicator.requireSame("tokenizer", digest.sha256())
    return tokenizer
  }

  private func run(
    _ input: CorpusInput, tokenizer: Tokenizer, output: String, pool: ThreadPool, helpers: HelperRanks,
    progress: (Progress) throws -> Void, note: (ErrorText) -> Void
  ) throws -> CorpusManifest {
    let cutter = PieceCutter(
      tokenizer: tokenizer, specialTokens: .ordinary, separator: Array((separator ?? "").utf8))
    var files = try input.files(note: note)
    if ValidationChoice.readsText(
      validation, removesDuplicates: removesDuplicates, files: files, cutter: cutter)
    {
      files = try files.map { file in
        guard file.isPipe else { return file }
        return try file.copied(beside: output) { try progress(.copying(done: $0)) }
      }
    }
    let all = files.contains { $0.isPipe } ? 0 : files.reduce(0) { $0 + $1.byteCount }
    let source = PieceText(invalidBytes: invalidBytes, key: input.textKey)
    let choice = try ValidationChoice(
      validation, seed: seed, removesDuplicates: removesDuplicates, files: files, cutter: cutter,
      source: source, pool: pool
    ) { try progress(.choosing(done: $0, all: all)) }
    var manifest: CorpusManifest?
    try AtomicFolder.write(to: output, replaces: replacesOutput) { folder in
      let writer = CorpusWriter(
        folder: folder, tokenizer: tokenizer, endOfText: tokenizer.endOfText!, choice: choice,
        preparation: self,
        pool: pool)
      let reader = CorpusReader(files, cutter: cutter, cut: choice.cut)
      var bytesRead = 0
      let encoder = PieceEncoder(
        tokenizer, source: source, threads: pool.threadCount, findsEndLines: separator == nil)
      try encode(reader, encoder, pool: pool, helpers: helpers, into: writer, note: note) {
        bytesRead = $0
        try progress(.encoding(done: $0, all: all))
      }
      manifest = try writer.finish(sourceFiles: files.count, sourceBytes: max(all, bytesRead))
    }
    return manifest!
  }

  /// Throws unless `tokenizer` can end texts and has tokens for every text.
  private func check(_ tokenizer: Tokenizer, path: String) throws {
    guard tokenizer.endOfText != nil else {
      throw InputError("\(path) has no end-of-text token; it needs an added token \"<|endoftext|>\"")
    }
    guard tokenizer.missingBytes.isEmpty else {
      throw InputError(
        "\(path) has no token for \(tokenizer.missingBytes.count) of the 256 bytes, so text would be lost; "
          + "train one that has them all")
    }
  }

  private func checkSettings() throws {
    try validation.check()
    guard (1...TokenShardHeader.mostTokens).contains(shardTokens) else {
      throw InputError("shards of \(shardTokens) tokens are impossible; from 1 to 2147483647 is right")
    }
    if let separator, separator.isEmpty || separator.contains(where: \.isWhitespace) {
      throw InputError("the separator \"\(separator)\" is empty or has white space; it must be one word")
    }
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
    _ reader: CorpusReader, _ encoder: PieceEncoder, pool: ThreadPool, helpers: HelperRanks,
    into writer: CorpusWriter, note: (ErrorText) -> Void, progress: (Int) throws -> Void
  ) throws {
    let wantsHashes = writer.wantsHashes
    var areEndLinesKnown = false
    func noteEndLines() {
      guard writer.hasEndLines, !areEndLinesKnown else { return }
      areEndLinesKnown = true
      let line = encoder.endLine.text
      note(
        "note: the text has lines of \(line), which are read as ordinary text; "
          + "they end documents with \(.separator(line))")
    }
    func work(_ item: CorpusItem, thread: Int) throws -> EncodedItem {
      try encoder.encode(item.group, wantsHashes: wantsHashes, thread: thread)
    }
    func told(_ done: Int) throws {
      noteEndLines()
      try progress(done)
    }
    if helpers.areNone {
      try CorpusPipeline(pool: pool).run(reader, work: work, deliver: writer.append, progress: told)
    } else {
      try RankPipeline(pool: pool, helpers: helpers, wantsHashes: wantsHashes).run(
        reader, work: work, deliver: writer.append, progress: told)
    }
    noteEndLines()
  }
}
