import CastleFormats
public import CastleTensors
public import CastleTokenizer

extension TokenizerTrainer {
  /// Learns from the files and folders at `paths`, read as ``CorpusPreparation`` reads them. Bytes that are not UTF-8
  /// count as U+FFFD. `textField` names the member of a JSON line that holds the text.
  ///
  /// The vocabulary stays smaller than ``vocabularySize`` if the text has no more pairs that occur
  /// ``minimumFrequency`` times.
  ///
  /// - Throws: `InputError` if something cannot be read, a special token is a pre-token, or the vocabulary has no room
  ///   for a merge.
  public func train(
    paths: [String], textField: String = "text", pool: ThreadPool,
    progress: (Progress) throws -> Void = { _ in }
  ) throws -> Tokenizer {
    let base = try base()
    let cutter = PieceCutter(tokenizer: base, specialTokens: .ordinary, separator: [])
    let reader = CorpusReader(try CorpusFile.find(paths), cutter: cutter)
    let counter = PreTokenCounter(
      pool: pool, tokenizer: base, source: PieceText(invalidBytes: .replaced, field: textField))
    let table = try counter.count(reader) { try progress(.counting(done: $0, all: reader.totalBytes)) }
    return try learn(from: table, progress: progress)
  }
}
