import CastleKernels
import Foundation
import Synchronization

/// The workers of a pool and the job they share.
///
/// A job is `count` indices, which threads claim one by one. It is over when every index that was claimed is
/// done, so a worker that wakes up late, or that the machine does not run, holds up nobody.
final class ThreadTeam: @unchecked Sendable {
  typealias Body = (_ index: Int, _ thread: Int) -> Void

  private var threads: [pthread_t] = []
  /// Why there are fewer workers than were asked for.
  private(set) var shortage: ThreadShortage?

  /// What the job does. Only a thread that has claimed an index and not yet finished it may read these two:
  /// they belong to the job of that index, which cannot end before.
  private var body: Body?
  private var count = 0

  /// Whether a job is running.
  private let isBusy = Atomic<Bool>(false)
  /// The indices that nobody has claimed.
  private let unclaimed = Atomic<Int>(0)
  /// The indices that are done.
  private let finished = Atomic<Int>(0)

  /// The workers that sleep or are about to; raised under `mutex`.
  private let sleeping = Atomic<Int>(0)
  private let isStopping = Atomic<Bool>(false)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// How often a thread looks for work, or for the end of a job, before it lets others run: some tens of
  /// microseconds, longer than the pause between two operations of a model.
  private static let looks = 2_000

  /// Starts `workers`, or as many as the system gives.
  init(upTo workers: Int) {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
    for worker in 1...workers {
      let (thread, status) = start(worker)
      guard let thread else {
        shortage = ThreadShortage(
          given: worker, wanted: workers + 1, reason: String(cString: strerror(status)))
        break
      }
      threads.append(thread)
    }
  }

  /// Ends the workers. No job may be running.
  func stop() {
    pthread_mutex_lock(mutex)
    isStopping.store(true, ordering: .sequentiallyConsistent)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
    for thread in threads { pthread_join(thread, nil) }
    pthread_cond_destroy(wake)
    pthread_mutex_destroy(mutex)
    wake.deallocate()
    mutex.deallocate()
  }

  /// The number of the calling thread: 1 and up for workers, 0 for all other threads.
  var currentThread: Int {
    let current = pthread_self()
    return (threads.firstIndex { pthread_equal($0, current) != 0 } ?? -1) + 1
  }

  /// Claims the team for one job; false while another is running.
  func begin() -> Bool {
    isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
  }

  /// Runs a job; ``begin()`` must have said yes.
  func run(count: Int, _ body: @escaping Body) {
    self.body = body
    self.count = count
    finished.store(0, ordering: .relaxed)
    // Together with `waitForWork`: either this thread sees the sleeper, or the sleeper sees the job.
    unclaimed.store(count, ordering: .sequentiallyConsistent)
    let sleepers = sleeping.load(ordering: .sequentiallyConsistent)
    if sleepers > 0 { wakeUp(min(sleepers, count - 1)) }
    finished.add(work(thread: 0), ordering: .releasing)
    var looks = 0
    while finished.load(ordering: .acquiring) < count {
      looks += 1
      if looks < Self.looks { castle_pause() } else { sched_yield() }
    }
    self.body = nil
    isBusy.store(false, ordering: .releasing)
  }

  /// Claims and does indices until none is left; the result is how many.
  ///
  /// Not inlined: when it returns, this thread holds no reference to the body.
  @inline(never)
  private func work(thread: Int) -> Int {
    var done = 0
    while let left = claim(), let body {
      body(count - left, thread)
      done += 1
    }
    return done
  }

  /// Claims an index; the result is how many were left, that one included.
  private func claim() -> Int? {
    var left = unclaimed.load(ordering: .relaxed)
    while left > 0 {
      let (exchanged, original) = unclaimed.weakCompareExchange(
        expected: left, desired: left - 1, successOrdering: .acquiring, failureOrdering: .relaxed)
      if exchanged { return left }
      left = original
    }
    return nil
  }

  // MARK: Workers

  /// Starts a worker: its thread, or nil and why there is none.
  private func start(_ worker: Int) -> (thread: pthread_t?, status: Int32) {
    let begin = Unmanaged.passRetained(WorkerStart(team: self, thread: worker))
    let argument = begin.toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = pthread_create(&thread, nil, { workerMain($0) }, argument)
    #else
      var thread: pthread_t? = pthread_t()
      let status = pthread_create(&thread!, nil, { workerMain($0!) }, argument)
    #endif
    guard status == 0 else {
      begin.release()
      return (nil, status)
    }
    return (thread, status)
  }

  fileprivate func serve(thread: Int) {
    while waitForWork() {
      let done = work(thread: thread)
      if done > 0 { finished.add(done, ordering: .releasing) }
    }
  }

  /// Looks for a while, then sleeps, until there is something to claim; false when the pool ends.
  private func waitForWork() -> Bool {
    for _ in 0..<Self.looks {
      if unclaimed.load(ordering: .relaxed) > 0 { return true }
      castle_pause()
    }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    sleeping.add(1, ordering: .sequentiallyConsistent)
    defer { sleeping.subtract(1, ordering: .sequentiallyConsistent) }
    while unclaimed.load(ordering: .sequentiallyConsistent) == 0 {
      if isStopping.load(ordering: .sequentiallyConsistent) { return false }
      pthread_cond_wait(wake, mutex)
    }
    return true
  }

  private func wakeUp(_ workers: Int) {
    pthread_mutex_lock(mutex)
    for _ in 0..<workers { pthread_cond_signal(wake) }
    pthread_mutex_unlock(mutex)
  }
}

/// What a new worker gets.
private final class WorkerStart {
  let team: ThreadTeam
  let thread: Int

  init(team: ThreadTeam, thread: Int) {
    self.team = team
    self.thread = thread
  }
}

private func workerMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
  let start = Unmanaged<WorkerStart>.fromOpaque(argument).takeRetainedValue()
  start.team.serve(thread: start.thread)
  return nil
}
