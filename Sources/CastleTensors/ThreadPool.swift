import Foundation
import Synchronization

/// The threads that all parallel work of a process runs on.
///
/// A pool of `n` threads is the calling thread and `n - 1` workers, which sleep when there is nothing to do.
/// Which thread takes which index is not fixed, so a deterministic result must depend on indices alone.
///
/// ```swift
/// pool.forEach(rows) { row in normalise(row) }
/// ```
public final class ThreadPool: Sendable {
  /// The number of threads that work together, the caller included.
  public let threadCount: Int

  private let team: Team?

  /// A pool of `threadCount` threads. Traps below one.
  public init(threadCount: Int) {
    precondition(threadCount >= 1, "a pool needs at least one thread")
    self.threadCount = threadCount
    team = threadCount > 1 ? Team(workers: threadCount - 1) : nil
  }

  /// The number of processors that this process may run on.
  public static var availableProcessors: Int {
    ProcessInfo.processInfo.activeProcessorCount
  }

  deinit { team?.stop() }

  /// Calls `body` once for every index in `0..<count`, on all threads, and returns when all calls have.
  ///
  /// Indices are handed out in increasing order. Calls from inside `body` run on the calling thread alone.
  public func forEach(_ count: Int, _ body: (_ index: Int) -> Void) {
    forEach(count) { index, _ in body(index) }
  }

  /// As ``forEach(_:_:)-(_,(_)->Void)``, also telling which of the `threadCount` threads makes the call, so
  /// that it can use scratch memory of its own.
  public func forEach(_ count: Int, _ body: (_ index: Int, _ thread: Int) -> Void) {
    guard let team, count > 1, team.begin() else {
      for index in 0..<max(count, 0) { body(index, 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      team.run(count: count, body)
    }
  }

  /// Splits `0..<count` into ranges of about equal size, at most one per thread and none shorter than
  /// `minimum` (unless `count` is), and calls `body` with each.
  public func forEachRange(of count: Int, minimum: Int = 1, _ body: (Range<Int>) -> Void) {
    let parts = max(1, min(threadCount, count / max(minimum, 1)))
    forEach(parts) { part in
      body(count * part / parts..<count * (part + 1) / parts)
    }
  }
}

/// The workers of a pool and the job they share.
private final class Team: @unchecked Sendable {
  typealias Body = (_ index: Int, _ thread: Int) -> Void

  private let workers: Int
  private var mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var threads: [pthread_t] = []

  /// Written by the caller before `generation` is raised, read by the workers after they have seen it.
  private var body: Body?
  private var count = 0
  private var stopping = false

  private let busy = Atomic<Bool>(false)
  private let generation = Atomic<Int>(0)
  private let nextIndex = Atomic<Int>(0)
  private let working = Atomic<Int>(0)

  /// How often a thread looks again before it goes to sleep: some tens of microseconds.
  private static let spins = 2_000

  init(workers: Int) {
    self.workers = workers
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
    for worker in 1...workers {
      let start = Unmanaged.passRetained(Start(team: self, thread: worker)).toOpaque()
      #if canImport(Darwin)
        var thread: pthread_t?
        pthread_create(&thread, nil, { workerMain($0) }, start)
        threads.append(thread!)
      #else
        var thread = pthread_t()
        pthread_create(&thread, nil, { workerMain($0!) }, start)
        threads.append(thread)
      #endif
    }
  }

  /// Claims the team for one job; false when a job is running already (a nested call).
  func begin() -> Bool {
    busy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
  }

  func run(count: Int, _ body: @escaping Body) {
    self.body = body
    self.count = count
    nextIndex.store(0, ordering: .relaxed)
    working.store(workers, ordering: .relaxed)
    pthread_mutex_lock(mutex)
    generation.add(1, ordering: .releasing)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
    takeIndices(thread: 0)
    var looks = 0
    while working.load(ordering: .acquiring) > 0 {
      looks += 1
      if looks > Self.spins { sched_yield() }
    }
    self.body = nil
    busy.store(false, ordering: .releasing)
  }

  func work(thread: Int) {
    var seen = 0
    while waitForJob(after: seen) {
      seen += 1
      takeIndices(thread: thread)
      working.subtract(1, ordering: .releasing)
    }
  }

  func stop() {
    pthread_mutex_lock(mutex)
    stopping = true
    generation.add(1, ordering: .releasing)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
    for thread in threads { pthread_join(thread, nil) }
    pthread_cond_destroy(wake)
    pthread_mutex_destroy(mutex)
    wake.deallocate()
    mutex.deallocate()
  }

  private func takeIndices(thread: Int) {
    guard let body else { return }
    while true {
      let index = nextIndex.add(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      body(index, thread)
    }
  }

  /// Looks for a while, then sleeps, until a job newer than `seen` is there; false when the pool ends.
  private func waitForJob(after seen: Int) -> Bool {
    for _ in 0..<Self.spins where generation.load(ordering: .acquiring) != seen {
      return !stopping
    }
    pthread_mutex_lock(mutex)
    while generation.load(ordering: .acquiring) == seen {
      pthread_cond_wait(wake, mutex)
    }
    pthread_mutex_unlock(mutex)
    return !stopping
  }
}

/// What a new worker thread is told.
private final class Start {
  let team: Team
  let thread: Int

  init(team: Team, thread: Int) {
    self.team = team
    self.thread = thread
  }
}

private func workerMain(_ start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
  let start = Unmanaged<Start>.fromOpaque(start).takeRetainedValue()
  start.team.work(thread: start.thread)
  return nil
}
