import CastleModel
import Dispatch
import Synchronization

/// What clients and the engine's thread tell each other.
final class ServingInbox: Sendable {
  typealias Stream = AsyncThrowingStream<ServingEvent, any Error>

  /// A request that waits.
  struct Arrival: Sendable {
    let id: UInt64
    let request: ServingRequest
    let events: Stream.Continuation
    /// The memory that it needs.
    let byteCount: Int
  }

  /// Work of others with the model; it gets nil if the engine ends before.
  typealias Visit = @Sendable (LanguageModel?) -> Void

  /// What the engine's thread is to do next.
  enum Turn {
    /// To lend the model, take on requests, drop the sequences of others, and take a step if any is left.
    case work(visits: [Visit], arrivals: [Arrival], cancelled: Set<UInt64>)
    /// To end all sequences and come back no more.
    case end
  }

  private struct State {
    var queue: [Arrival] = []
    var visits: [Visit] = []
    var lastID: UInt64 = 0
    var cancelled: Set<UInt64> = []
    /// No more requests are taken.
    var isClosed = false
    /// Nobody wants what is left.
    var isAbandoned = false
    var hasEnded = false
    var waiters: [CheckedContinuation<Void, Never>] = []
    var statistics: ServingStatistics
  }

  private let state: Mutex<State>
  private let wake = DispatchSemaphore(value: 0)
  private let queueLength: Int

  init(queueLength: Int, statistics: ServingStatistics) {
    self.queueLength = queueLength
    state = Mutex(State(statistics: statistics))
  }

  // MARK: For clients

  /// Queues a request that has been checked.
  func submit(_ request: ServingRequest, byteCount: Int) throws -> Stream {
    let (stream, events) = Stream.makeStream()
    let id = try state.withLock { state in
      guard !state.isClosed else { throw ServingError.shutDown }
      guard state.queue.count < queueLength else { throw ServingError.queueFull(length: queueLength) }
      state.lastID += 1
      state.queue.append(
        Arrival(id: state.lastID, request: request, events: events, byteCount: byteCount))
      return state.lastID
    }
    events.onTermination = { [self] termination in
      if case .cancelled = termination { cancel(id) }
    }
    wake.signal()
    return stream
  }

  /// Queues work with the model.
  func visit(_ visit: @escaping Visit) {
    let isTaken = state.withLock { state in
      if !state.isClosed { state.visits.append(visit) }
      return !state.isClosed
    }
    if isTaken { wake.signal() } else { visit(nil) }
  }

  private func cancel(_ id: UInt64) {
    state.withLock { state in
      if let index = state.queue.firstIndex(where: { $0.id == id }) {
        state.queue.remove(at: index)
        state.statistics.cancelledRequests += 1
      } else {
        state.cancelled.insert(id)
      }
    }
    wake.signal()
  }

  /// What the engine last reported, with the present queue.
  var statistics: ServingStatistics {
    state.withLock { state in
      var statistics = state.statistics
      statistics.queued = state.queue.count
      return statistics
    }
  }

  /// Takes no more requests.
  func close() {
    state.withLock { $0.isClosed = true }
    wake.signal()
  }

  /// Takes no more requests and drops those that there are.
  func abandon() {
    state.withLock { state in
      state.isClosed = true
      state.isAbandoned = true
    }
    wake.signal()
  }

  /// Returns when the engine's thread has ended.
  func waitForEnd() async {
    await withCheckedContinuation { continuation in
      let hasEnded = state.withLock { state in
        if !state.hasEnded { state.waiters.append(continuation) }
        return state.hasEnded
      }
      if hasEnded { continuation.resume() }
    }
  }

  // MARK: For the engine's thread

  /// The next turn; waits for one if `isIdle`. Requests come in their order, as long as `admits` says yes.
  func next(isIdle: Bool, admits: (Arrival) -> Bool) -> Turn {
    while true {
      let turn: Turn? = state.withLock { state in
        guard !state.isAbandoned else { return .end }
        var arrivals: [Arrival] = []
        while let first = state.queue.first, admits(first) { arrivals.append(state.queue.removeFirst()) }
        let (visits, cancelled) = (state.visits, state.cancelled)
        (state.visits, state.cancelled) = ([], [])
        guard isIdle && arrivals.isEmpty && visits.isEmpty else {
          return .work(visits: visits, arrivals: arrivals, cancelled: cancelled)
        }
        return state.isClosed && state.queue.isEmpty ? .end : nil
      }
      if let turn { return turn }
      wake.wait()
    }
  }

  /// Changes the statistics.
  func report(_ body: (inout ServingStatistics) -> Void) {
    state.withLock { body(&$0.statistics) }
  }

  /// Says that the engine's thread ends, and returns the requests that still wait.
  func end() -> [Arrival] {
    let (waiters, queue, visits) = state.withLock { state in
      state.hasEnded = true
      state.isClosed = true
      defer { (state.waiters, state.queue, state.visits) = ([], [], []) }
      return (state.waiters, state.queue, state.visits)
    }
    for visit in visits { visit(nil) }
    for waiter in waiters { waiter.resume() }
    return queue
  }
}
