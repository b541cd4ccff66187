import CastleFormats
import CastleTensors

/// Reads a corpus, works on its items on all threads, and hands the results on in order: the three go on at
/// the same time.
struct CorpusPipeline {
  /// The threads.
  let pool: ThreadPool

  /// The bytes that the threads work on in one round, for each thread: many items, so that no thread waits
  /// long for the others' last one.
  private static let roundBytes = 48 * CorpusReader.itemBytes

  /// Runs to the end of the corpus.
  ///
  /// - Parameters:
  ///   - work: Works on one item; called on any thread, with its number.
  ///   - deliver: Takes the results, in the order of the items; called on any thread, once at a time.
  ///   - progress: Called on the calling thread with the number of bytes that are done.
  /// - Throws: The error of the earliest item that has one, or that of `progress`.
  func run<Result>(
    _ reader: CorpusReader, work: (CorpusItem, _ thread: Int) throws -> Result,
    deliver: (CorpusItem, Result) throws -> Void, progress: (Int) throws -> Void
  ) throws {
    var reader = reader
    let size = Self.roundBytes * pool.threadCount
    var items = try reader.nextItems(byteCount: size)
    var done: [(item: CorpusItem, result: Result)] = []
    while !items.isEmpty || !done.isEmpty {
      let (results, following) = try round(
        items.count, work: { try work(items[$0], $1) }, done: done, deliver: deliver,
        read: { try reader.nextItems(byteCount: size) })
      done = try zip(items, results).map { ($0, try $1.get()) }
      items = try following.get()
      if let last = done.last { try progress(last.item.bytesRead) }
    }
  }

  /// Works on `count` items, hands on what is `done` and reads what follows, all at the same time.
  ///
  /// - Throws: The error of `deliver`.
  func round<Result, Following>(
    _ count: Int, work: (_ index: Int, _ thread: Int) throws -> Result,
    done: [(item: CorpusItem, result: Result)], deliver: (CorpusItem, Result) throws -> Void,
    read: () throws -> Following
  ) throws -> (results: [Swift.Result<Result, any Error>], following: Swift.Result<Following, any Error>) {
    var following: Swift.Result<Following, any Error>?
    var delivered = Swift.Result<Void, any Error>.success(())
    var results = [Swift.Result<Result, any Error>?](repeating: nil, count: count)
    results.withUnsafeMutableBufferPointer { results in
      pool.forEach(count + 2) { index, thread in
        switch index {
        case 0: delivered = Swift.Result { for (item, result) in done { try deliver(item, result) } }
        case 1: following = Swift.Result { try read() }
        default: results[index - 2] = Swift.Result { try work(index - 2, thread) }
        }
      }
    }
    try delivered.get()
    guard let following else { preconditionFailure("a round has read nothing") }
    return (results.compactMap(\.self), following)
  }
}
