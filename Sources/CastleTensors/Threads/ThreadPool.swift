/// The threads that all parallel work of a process runs on.
///
/// A pool of `n` threads is the calling thread and `n - 1` workers, which sleep when there is nothing to do.
/// Which thread takes which index is not fixed, so a deterministic result must depend on indices alone.
///
/// ```swift
/// pool.forEach(rows) { row in normalize(row) }
/// ```
public final class ThreadPool: Sendable {
  /// The number of threads that work together, the caller included.
  public let threadCount: Int

  private let team: ThreadTeam?

  /// A pool of `threadCount` threads. Traps below one.
  ///
  /// If the system does not give so many, those that it gives do the work of all: slower, with the same
  /// results. ``init(starting:)`` throws instead.
  public init(threadCount: Int) {
    precondition(threadCount >= 1, "a pool needs at least one thread")
    self.threadCount = threadCount
    team = threadCount > 1 ? ThreadTeam(upTo: threadCount - 1) : nil
  }

  /// A pool of `threadCount` threads. Traps below one.
  ///
  /// - Throws: ``ThreadShortage`` if the system does not give them.
  public convenience init(starting threadCount: Int) throws {
    self.init(threadCount: threadCount)
    if let shortage = team?.shortage { throw shortage }
  }

  deinit { team?.stop() }

  /// Calls `body` once for every index in `0..<count`, on all threads, and returns when all calls have.
  ///
  /// Indices are handed out in increasing order. Calls from inside `body`, and from a second thread while a
  /// first one uses the pool, run on the calling thread alone; a single index leaves the pool to the calls
  /// inside `body`.
  public func forEach(_ count: Int, _ body: (_ index: Int) -> Void) {
    forEach(count) { index, _ in body(index) }
  }

  /// As ``forEach(_:_:)-(_,(_)->Void)``, also saying which of the `threadCount` threads makes the call, so
  /// that it can use scratch memory of its own.
  ///
  /// Every thread that is not the pool's has number 0: two of them that use the pool at the same time must
  /// not share memory by that number.
  public func forEach(_ count: Int, _ body: (_ index: Int, _ thread: Int) -> Void) {
    guard let team, count > 1, team.begin() else {
      let thread = team?.currentThread ?? 0
      for index in 0..<max(count, 0) { body(index, thread) }
      return
    }
    withoutActuallyEscaping(body) { body in
      team.run(count: count, body)
    }
  }

  /// Splits `0..<count` into ranges of about equal size and calls `body` with each.
  ///
  /// There are at most `partsPerThread` ranges for each thread, and none is shorter than `minimum` (unless
  /// `count` is). With several parts, a thread that other programs hold up leaves some of its share to the
  /// others.
  public func forEachRange(
    of count: Int, minimum: Int = 1, partsPerThread: Int = 1, _ body: (Range<Int>) -> Void
  ) {
    let parts = max(1, min(threadCount * partsPerThread, count / max(minimum, 1)))
    forEach(parts) { part in
      body(count * part / parts..<count * (part + 1) / parts)
    }
  }
}
