import CastleTensors
import CastleTokenizer

/// Counts the pre-tokens of a corpus on all threads.
struct PreTokenCounter {
  /// The threads.
  let pool: ThreadPool
  /// Cuts the text.
  let tokenizer: Tokenizer
  /// How the text is got out of the files.
  let source: PieceText

  /// The pre-tokens of all documents; `progress` is called with the number of bytes that are done.
  func count(_ reader: CorpusReader, progress: (Int) throws -> Void) throws -> PreTokenTable {
    let tables = (0..<pool.threadCount).map { _ in PreTokenTable(tokenizer) }
    try CorpusPipeline(pool: pool).run(
      reader,
      work: { item, thread in
        for piece in item.pieces.indices {
          try source.withText(piece, of: item) { text, _ in
            tables[thread].add(preTokensOf: text)
          }
        }
      },
      deliver: { _, _ in }, progress: progress)
    for table in tables.dropFirst() {
      table.forEach { tables[0].add($0, times: $1) }
    }
    return tables[0]
  }
}
