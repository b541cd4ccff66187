public import CastleFormats
public import CastleTensors
public import CastleTokenizer

/// Makes token shards of text.
///
/// The folder that it makes holds `train_000000.bin`, … and `val_000000.bin`, … (see ``TokenShard``), the
/// tokenizer, and `manifest.json` (see ``CorpusManifest``). Every document is followed by the end-of-text
/// token. The names of special tokens in documents are ordinary text, so no document can forge its end. The
/// same input gives the same bytes at any number of threads.
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
  ///   - progress: Called now and then. If it throws, nothing is made.
  ///   - note: Told what is unusual, in one line each.
  /// - Returns: What was made.
  /// - Throws: ``InputError`` if something cannot be read, makes no sense, or cannot be written.
  public func run(
    _ input: CorpusInput, tokenizerPath: String, output: String, pool: ThreadPool,
    progress: (Progress) throws -> Void = { _ in }, note: (ErrorText) -> Void = { _ in }
  ) throws -> CorpusManifest {
    try checkOutput(output)
    let tokenizer = try TokenizerFile.read(path: tokenizerPath)
    let endOfText = try check(tokenizer, path: tokenizerPath)
    try checkSettings()
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
        folder: folder, tokenizer: tokenizer, endOfText: endOfText, choice: choice, preparation: self,
        pool: pool)
      let reader = CorpusReader(files, cutter: cutter, cut: choice.cut)
      var bytesRead = 0
      try encode(reader, source: source, tokenizer: tokenizer, pool: pool, into: writer, note: note) {
        bytesRead = $0
        try progress(.encoding(done: $0, all: all))
      }
      manifest = try writer.finish(sourceFiles: files.count, sourceBytes: max(all, bytesRead))
    }
    return manifest!
  }

  /// The token that ends texts.
  private func check(_ tokenizer: Tokenizer, path: String) throws -> Int32 {
    guard let endOfText = tokenizer.endOfText else {
      throw InputError("\(path) has no end-of-text token; it needs an added token \"<|endoftext|>\"")
    }
    guard tokenizer.missingBytes.isEmpty else {
      throw InputError(
        "\(path) has no token for \(tokenizer.missingBytes.count) of the 256 bytes, so text would be lost; "
          + "train one that has them all")
    }
    return endOfText
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
    _ reader: CorpusReader, source: PieceText, tokenizer: Tokenizer, pool: ThreadPool,
    into writer: CorpusWriter, note: (ErrorText) -> Void, progress: (Int) throws -> Void
  ) throws {
    let encoders = (0..<pool.threadCount).map { _ in TokenEncoder(tokenizer) }
    let endLine = EndLine(tokenizer)
    let wantsHashes = writer.wantsHashes
    var areEndLinesKnown = false
    func noteEndLines() {
      guard writer.hasEndLines, !areEndLinesKnown else { return }
      areEndLinesKnown = true
      note(
        "note: the text has lines of \(endLine.text), which are read as ordinary text; "
          + "they end documents with \(.separator(endLine.text))")
    }
    try CorpusPipeline(pool: pool).run(
      reader,
      work: { item, thread in
        var result = EncodedItem()
        result.tokens.reserveCapacity(item.bytes.count / 2)
        let mayHaveEndLines = separator == nil && item.file.format == .text
        for (index, piece) in item.pieces.enumerated() {
          try source.withText(index, of: item) { text in
            // Documents of white space alone are none.
            let bytes =
              piece.isWhole && text.isBlank ? UnsafeBufferPointer(rebasing: text.bytes[..<0]) : text.bytes
            encoders[thread].encodeChecked(bytes, specialTokens: .ordinary, into: &result.tokens)
            result.pieces.append(
              EncodedItem.Piece(
                tokenEnd: result.tokens.count, byteCount: bytes.count,
                invalidByteCount: text.invalidByteCount,
                hash: wantsHashes ? DocumentHasher.hash(text, of: piece) : nil))
            if mayHaveEndLines, endLine.isIn(bytes) { result.hasEndLine = true }
          }
        }
        return result
      },
      deliver: writer.append,
      progress: { done in
        noteEndLines()
        try progress(done)
      })
    noteEndLines()
  }
}
