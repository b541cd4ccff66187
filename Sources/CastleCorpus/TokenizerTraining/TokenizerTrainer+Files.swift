public import CastleFormats
public import CastleTensors
public import CastleTokenizer

extension TokenizerTrainer {
  /// Learns from the files and folders at `paths`, read as ``CorpusInput`` says.
  ///
  /// See ``train(_:pool:progress:note:)``.
  public func train(
    paths: [String], pool: ThreadPool, progress: (Progress) throws -> Void = { _ in },
    note: (ErrorText) -> Void = { _ in }
  ) throws -> Tokenizer {
    try train(CorpusInput(paths), pool: pool, progress: progress, note: note)
  }

  /// Learns from a corpus. Bytes that are not UTF-8 count as U+FFFD.
  ///
  /// The vocabulary stays smaller than ``vocabularySize`` if the text has no more pairs that occur
  /// ``minimumFrequency`` times. `note` gets what is unusual, in one line each.
  ///
  /// - Throws: `InputError` if something cannot be read, a special token is a pre-token, or the vocabulary
  ///   has no room for a merge.
  public func train(
    _ input: CorpusInput, pool: ThreadPool, progress: (Progress) throws -> Void = { _ in },
    note: (ErrorText) -> Void = { _ in }
  ) throws -> Tokenizer {
    let base = try base()
    let cutter = PieceCutter(tokenizer: base, specialTokens: .ordinary, separator: [])
    let files = try input.files(note: note)
    let reader = CorpusReader(files, cutter: cutter)
    let all = files.contains { $0.isPipe } ? 0 : reader.totalBytes
    let counter = PreTokenCounter(
      pool: pool, tokenizer: base, source: PieceText(invalidBytes: .replaced, key: input.textKey))
    let (table, invalidBytes) = try counter.count(reader) { try progress(.counting(done: $0, all: all)) }
    if invalidBytes > 0 {
      note("note: \(NumberFormat.count(invalidBytes, "byte")) not in UTF-8, taken for U+FFFD")
    }
    return try learn(from: table, progress: progress)
  }
}
