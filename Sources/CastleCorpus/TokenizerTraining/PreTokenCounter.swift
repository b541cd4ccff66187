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

  /// The pre-tokens of all documents, and the number of bytes that are not UTF-8; `progress` is called with
  /// the number of bytes that are done.
  func count(
    _ reader: CorpusReader, progress: (Int) throws -> Void
  ) throws -> (table: PreTokenTable, invalidBytes: Int) {
    var invalidBytes = 0
    let tables = (0..<pool.threadCount).map { _ in PreTokenTable(tokenizer) }
    try CorpusPipeline(pool: pool).run(
      reader,
      work: { item, thread in
        var invalidBytes = 0
        for piece in item.group.pieces.indices {
          try source.withText(piece, of: item.group) { text in
            tables[thread].add(preTokensOf: text.bytes)
            invalidBytes += text.invalidByteCount
          }
        }
        return invalidBytes
      },
      deliver: { _, count in invalidBytes += count }, progress: progress)
    for table in tables.dropFirst() {
      table.forEach { tables[0].add($0, times: $1) }
    }
    return (tables[0], invalidBytes)
  }
}
