#if MPI
  import CMPI
  import Foundation

  /// The thread that makes all calls of MPI, whatever the library thinks of threads.
  ///
  /// Exchanges go on while the others compute: the thread asks for them again and again, in a hurry where
  /// someone waits, with pauses otherwise.
  final class MPIThread: @unchecked Sendable {
    /// A call, and the exchange that it may start.
    final class Job: @unchecked Sendable {
      fileprivate let start: (inout CMPIRequest) -> Int32
      fileprivate let isExchange: Bool
      fileprivate var request = cmpi_no_request()
      fileprivate var code: Int32?

      fileprivate init(isExchange: Bool, _ start: @escaping (inout CMPIRequest) -> Int32) {
        self.isExchange = isExchange
        self.start = start
      }
    }

    private static let success = Int32(MPI_SUCCESS)
    private let condition = NSCondition()
    private var queue: [Job] = []
    private var waiterCount = 0

    init() {
      let thread = Thread { [self] in run() }
      thread.name = "MPI"
      thread.start()
    }

    /// Lets the thread make a call that starts an exchange. The closure keeps what the exchange needs.
    func start(_ call: @escaping (inout CMPIRequest) -> Int32) -> Job {
      enqueue(Job(isExchange: true, call))
    }

    private func enqueue(_ job: Job) -> Job {
      condition.withLock {
        queue.append(job)
        condition.broadcast()
      }
      return job
    }

    /// Waits until a job is done and returns MPI's code; nil if `end` comes first.
    func wait(for job: Job, until end: Date? = nil) -> Int32? {
      condition.withLock {
        waiterCount += 1
        defer { waiterCount -= 1 }
        condition.broadcast()
        while job.code == nil {
          guard let end else {
            condition.wait()
            continue
          }
          guard condition.wait(until: end) else { return job.code }
        }
        return job.code
      }
    }

    /// Makes a call that starts no exchange, and returns MPI's code.
    @discardableResult
    func call(_ body: @escaping () -> Int32) -> Int32 {
      wait(for: enqueue(Job(isExchange: false) { _ in body() })) ?? Self.success
    }

    private func run() {
      var pending: [Job] = []
      var idleRounds = 0
      while true {
        condition.lock()
        while queue.isEmpty && pending.isEmpty { condition.wait() }
        let new = queue
        queue = []
        let isInHurry = waiterCount > 0
        condition.unlock()

        var ended: [(Job, Int32)] = []
        for job in new {
          let code = job.start(&job.request)
          if code == Self.success && job.isExchange { pending.append(job) } else { ended.append((job, code)) }
        }
        pending.removeAll { job in
          var isDone: Int32 = 0
          let code = cmpi_test(&job.request, &isDone)
          guard isDone != 0 || code != Self.success else { return false }
          ended.append((job, code))
          return true
        }
        if !ended.isEmpty {
          condition.withLock {
            for (job, code) in ended { job.code = code }
            condition.broadcast()
          }
        }
        idleRounds = new.isEmpty && ended.isEmpty ? idleRounds + 1 : 0
        if idleRounds > 0 { Self.pause(isInHurry: isInHurry, round: idleRounds) }
      }
    }

    /// Other threads of this machine may need the processor, above all where ranks share it.
    private static func pause(isInHurry: Bool, round: Int) {
      if isInHurry && round < 200 {
        sched_yield()
      } else {
        usleep(isInHurry ? 20 : 100)
      }
    }
  }
#endif
