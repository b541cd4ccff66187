import CastleTensors
import CastleTokenizer

/// Counts the words of a corpus on all threads.
struct WordCounter {
  /// The threads.
  let pool: ThreadPool
  /// How the text is got out of the files.
  let source: PieceText

  /// The words of all documents, and the number of bytes that are not UTF-8; `progress` is called with the
  /// number of bytes that are done.
  func count(
    _ reader: CorpusReader, progress: (Int) throws -> Void
  ) throws -> (words: WordTable, invalidBytes: Int) {
    var invalidBytes = 0
    let tables = (0..<pool.threadCount).map { _ in WordTable() }
    try CorpusPipeline(pool: pool).run(
      reader,
      work: { item, thread in
        var invalidBytes = 0
        for piece in item.pieces.indices {
          try source.withText(piece, of: item) { text in
            tables[thread].add(wordsOf: text.bytes)
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
